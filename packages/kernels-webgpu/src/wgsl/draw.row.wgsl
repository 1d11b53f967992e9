// out[r] = the id that the step's draw takes from ranked[r], ids and then logits: `draw.ts` of @g3/backend, whole number for whole
// number. A worker weighs one of up to 64.
struct Params {
  // numbers from row to row of ranked and of out; how many are ranked
  shape: vec4<u32>,
}

const ONE = 16777216u;
const LOG2_E = 1.44269504;
const LN_2 = 2977044471u;

// Weights in 2^-24 of the largest, before the temperature and after.
var<workgroup> plain: array<u32, 64>;
var<workgroup> cooled: array<u32, 64>;

// ⌊a · b / 2^32⌋
fn high_product(a: u32, b: u32) -> u32 {
  let middle = (a >> 16u) * (b & 0xffffu) + (((a & 0xffffu) * (b & 0xffffu)) >> 16u);
  let other = (a & 0xffffu) * (b >> 16u) + (middle & 0xffffu);
  return (a >> 16u) * (b >> 16u) + (middle >> 16u) + (other >> 16u);
}

fn weight_of(distance: f32, rate: f32) -> u32 {
  let exponent = distance * rate;
  if (!(exponent < 25.0)) { return 0u; }
  let fixed = u32(exponent * 1048576.0);
  let x = high_product(fixed << 12u, LN_2);
  var power = 0x80000000u;
  for (var term = 9u; term > 0u; term--) { power = 0x80000000u - high_product(x, power) / term; }
  return (power >> 7u) >> (fixed >> 20u);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
  let row = group.y;
  let ids = row * params.shape.x;
  let logits = ids + params.shape.z;
  let draw = step_draw(row);
  let rate = bitcast<f32>(draw.x);
  if (worker < params.shape.z) {
    let distance = ranked[logits] - ranked[logits + worker];
    plain[worker] = weight_of(distance, LOG2_E);
    cooled[worker] = weight_of(distance, rate);
  }
  workgroupBarrier();
  if (worker > 0u) { return; }
  var size = 0u;
  while (size < params.shape.z && ranked[ids + size] >= 0.0) { size++; }
  if (size == 0u) {
    out[row * params.shape.y] = -1.0;
    return;
  }
  var kept = min(size, draw.z >> 25u);
  if (draw.y > 0u) {
    var all = 0u;
    for (var n = 0u; n < kept; n++) { all += plain[n]; }
    let enough = high_product(all, draw.y);
    var covered = ONE;
    var n = 1u;
    for (; n < kept && covered < enough; n++) { covered += plain[n]; }
    kept = n;
  }
  while (kept > 1u && plain[kept - 1u] < (draw.z & 0x1ffffffu)) { kept--; }
  var all = 0u;
  for (var n = 0u; n < kept; n++) { all += cooled[n]; }
  var rest = high_product(all, draw.w);
  var place = 0u;
  while (place < kept - 1u && rest >= cooled[place]) {
    rest -= cooled[place];
    place++;
  }
  out[row * params.shape.y] = ranked[ids + place];
}
