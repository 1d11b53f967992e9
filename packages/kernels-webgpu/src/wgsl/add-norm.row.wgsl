// x += rms(y) · post; out = rms(x) · next; a workgroup of 256 has a row.
struct Params {
  // vec4s of a row; from row to row of x, y and out
  shape: vec4<u32>,
  // 1 / columns, eps
  mean: vec4<f32>,
}

fn squares_of(value: vec4<f32>, sum: f32) -> f32 {
  return fma(value.w, value.w, fma(value.z, value.z, fma(value.y, value.y, fma(value.x, value.x, sum))));
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
  let row = group.y;
  var squares = 0.0;
  for (var i = worker; i < params.shape.x; i += 256u) {
    squares = squares_of(y[row * params.shape.z + i], squares);
  }
  let factor = 1.0 / sqrt(fma(total(squares, worker), params.mean.x, params.mean.y));
  squares = 0.0;
  for (var i = worker; i < params.shape.x; i += 256u) {
    let at = row * params.shape.y + i;
    let sum = fma(y[row * params.shape.z + i] * factor, post[i], x[at]);
    x[at] = sum;
    squares = squares_of(sum, squares);
  }
  let next_factor = 1.0 / sqrt(fma(total(squares, worker), params.mean.x, params.mean.y));
  for (var i = worker; i < params.shape.x; i += 256u) {
    out[row * params.shape.w + i] = x[row * params.shape.y + i] * next_factor * next[i];
  }
}
