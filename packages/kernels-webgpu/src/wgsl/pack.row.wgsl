// Rows of x as products of levels take them; a worker has a chunk of 32 columns, of which it makes levels and, as four f32, their
// scale, the sums of levels of both halves, and of all. A number is scale · level.
struct Params {
  // chunks of a row; x: vec4s from row to row; 1 where the step says at which row of x to begin
  shape: vec4<u32>,
}

const LEVEL_VECS = ${LEVEL_VECS}u;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let chunk = id.x;
  if (chunk >= params.shape.x) { return; }
  let at = (step_from() * params.shape.z + id.y) * params.shape.y + 8u * chunk;
  var most = 0.0;
  for (var i = 0u; i < 8u${TIMES}; i++) {
    let size = abs(x[at + i]);
    most = max(max(most, max(size.x, size.y)), max(size.z, size.w));
  }
  // Less than this is nothing beside any weight, and its reciprocal may be no number.
  let inverse = select(${LARGEST} / most, 0.0, most < 1e-30);
  let to = (id.y * params.shape.x + chunk) * (LEVEL_VECS + 1u);
  var sums = vec2<f32>(0.0);
  for (var i = 0u; i < LEVEL_VECS${TIMES}; i++) {
    var sum = 0.0;
#if DOTS
    let levels = array<vec4<f32>, 4>(
#for n 4
      round(x[at + 4u * i + ${n}u] * inverse),
#end
    );
    out[to + i] = vec4<u32>(
#for n 4
      pack4xI8(vec4<i32>(levels[${n}])),
#end
    );
#for n 4
    sum += dot(levels[${n}], vec4<f32>(1.0));
#end
    if (i == 0u) { sums.x = sum; } else { sums.y = sum; }
#else
    let low = x[at + 2u * i] * inverse;
    let high = x[at + 2u * i + 1u] * inverse;
    out[to + i] = vec4<u32>(
      pack2x16float(low.xy), pack2x16float(low.zw), pack2x16float(high.xy), pack2x16float(high.zw),
    );
    sum = dot(low, vec4<f32>(1.0)) + dot(high, vec4<f32>(1.0));
    if (i < 2u) { sums.x += sum; } else { sums.y += sum; }
#end
  }
  let scale = most / ${LARGEST};
  out[to + LEVEL_VECS] = bitcast<vec4<u32>>(vec4<f32>(scale, sums, sums.x + sums.y));
}
