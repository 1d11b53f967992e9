// out = x · weightᵀ, or out += scale · (x · weightᵀ), for one product or several of the same x; with BIAS a number for each output is
// added to the product, and with GELU gelu taken of that. A workgroup of 64 is 64 / LANES slices; a slice has ROWS rows of a
// weight and TOKENS rows of x.
struct Params {
  // chunks of a row; x: vec4s from row to row; 1 where the step says at which row of x to begin; the bits of scale
  shape: vec4<u32>,
#for p PRODUCTS
  // parts of the weight's shard, and its rows
  matrix${p}: vec4<u32>,
  // out: numbers from row to row, column of the shard's first row, the workgroups from, to (exclusive) that work on it
  out${p}: vec4<u32>,
#end
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) worker: u32,
#if SUBGROUPS
  @builtin(subgroup_size) subgroup_size: u32,
#end
) {
  let rows = step_rows();
  let lane = worker % ${LANES}u;
  let slice = worker / ${LANES}u;
  let begin = step_from() * params.shape.z;
  let token = group.y * ${TOKENS}u;
  let tokens = array<u32, ${TOKENS}>(
#for t TOKENS
    (begin + min(token + ${t}u, rows - 1u)) * params.shape.y,
#end
  );
#if SUBGROUPS
  let width = subgroup_width(subgroup_size);
#else
  let width = 1u;
#end
#for p PRODUCTS
  if (group.x >= params.out${p}.z && group.x < params.out${p}.w) {
    let first = (group.x - params.out${p}.z) * ${GROUP_ROWS}u;
    let sums = w${p}_tile(first + slice * ${ROWS}u, lane, tokens, params.matrix${p});
#for o OUTPUTS
#if SUBGROUPS
    give_lane_sum(${o}u, subgroup_sum(sums[${o}], width), worker);
#else
    give_lane_sum(${o}u, sums[${o}], worker);
#end
#end
    workgroupBarrier();
    for (var i = worker; i < ${GROUP_OUTPUTS}u; i += 64u) {
      let output = i / ${SLICES}u;
      let row = first + (i % ${SLICES}u) * ${ROWS}u + output / ${TOKENS}u;
      let at = token + output % ${TOKENS}u;
      var value = take_lane_sum(output, i % ${SLICES}u, width);
      if (row < params.matrix${p}.w && at < rows) {
#if BIAS
        value += bias[params.out${p}.y + row];
#end
#if GELU
        value = gelu(value);
#end
#if ADDS
        let place = at * params.out${p}.x + params.out${p}.y + row;
        out${p}[place] = fma(bitcast<f32>(params.shape.w), value, out${p}[place]);
#else
        out${p}[at * params.out${p}.x + params.out${p}.y + row] = value;
#end
      }
    }
  }
#end
}
