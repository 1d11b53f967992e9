// The largest of each 1024 numbers and the sum of exp(number − largest), by a workgroup of 256. The first pass reads logits, the last,
// with one workgroup a row, merges what the first has left and writes the logarithm of all.
struct Params {
  // numbers, or parts, of a row; from row to row, before and after
  shape: vec4<u32>,
}

const LOWEST = -3e38;

var<workgroup> largest: array<f32, 256>;
var<workgroup> sums: array<f32, 256>;

// Of (largest, sum) pairs.
fn merged(a: vec2<f32>, b: vec2<f32>) -> vec2<f32> {
  let most = max(a.x, b.x);
  return vec2<f32>(most, a.y * exp(a.x - most) + b.y * exp(b.x - most));
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
  var own = vec2<f32>(LOWEST, 0.0);
#if LAST
  for (var i = worker; i < params.shape.x; i += 256u) {
    let at = group.y * params.shape.y + 2u * i;
    own = merged(own, vec2<f32>(bitcast<f32>(source[at]), bitcast<f32>(source[at + 1u])));
  }
#else
  for (var i = 0u; i < 4u; i++) {
    let at = group.x * 1024u + 256u * i + worker;
    if (at < params.shape.x) {
      let bits = source[group.y * params.shape.y + at];
      // NaN has a larger magnitude than infinity; -infinity adds nothing.
      if ((bits & 0x7fffffffu) <= 0x7f800000u && bits != 0xff800000u) { own = merged(own, vec2<f32>(bitcast<f32>(bits), 1.0)); }
    }
  }
#end
  largest[worker] = own.x;
  sums[worker] = own.y;
  workgroupBarrier();
  for (var apart = 128u; apart > 0u; apart >>= 1u) {
    if (worker < apart) {
      own = merged(own, vec2<f32>(largest[worker + apart], sums[worker + apart]));
      largest[worker] = own.x;
      sums[worker] = own.y;
    }
    workgroupBarrier();
  }
  if (worker > 0u) { return; }
#if LAST
  out[group.y * params.shape.z] = select(bitcast<u32>(own.x + log(own.y)), 0xff800000u, own.y == 0.0);
#else
  let at = group.y * params.shape.z + 2u * group.x;
  out[at] = bitcast<u32>(own.x);
  out[at + 1u] = bitcast<u32>(own.y);
#end
}
