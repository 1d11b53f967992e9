// Sums over LANES lanes side by side. Pairs one apart first, then two apart, …: whether they meet in a subgroup of any size or
// in shared memory, the bits are the same.
var<workgroup> lane_sums: array<f32, ${LANE_SUMS}>;

fn give_lane_sum(output: u32, value: f32, worker: u32) { lane_sums[output * 64u + worker] = value; }

#if SUBGROUPS
// Sums what a subgroup can; returns how many lanes that were.
fn subgroup_width(size: u32) -> u32 { return min(${LANES}u, size); }
fn subgroup_sum(value: f32, width: u32) -> f32 {
  var sum = value;
  for (var apart = 1u; apart < width; apart <<= 1u) { sum += subgroupShuffleXor(sum, apart); }
  return sum;
}
#end

// The sum of lanes of one slice, of which groups of `width` hold theirs already. For one caller a sum.
fn take_lane_sum(output: u32, slice: u32, width: u32) -> f32 {
  let at = output * 64u + slice * ${LANES}u;
  for (var apart = width; apart < ${LANES}u${TIMES}; apart <<= 1u) {
    for (var lane = 0u; lane < ${LANES}u${TIMES}; lane += 2u * apart) {
      lane_sums[at + lane] += lane_sums[at + lane + apart];
    }
  }
  return lane_sums[at];
}
