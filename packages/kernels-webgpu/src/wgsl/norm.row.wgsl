// out = rms(x) · weight; a workgroup of 256 has a row.
struct Params {
  // vec4s of a row; from row to row of x and of out
  shape: vec4<u32>,
  // 1 / columns, eps
  mean: vec4<f32>,
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
  let row = group.y;
  var squares = 0.0;
  for (var i = worker; i < params.shape.x; i += 256u) {
    let value = x[row * params.shape.y + i];
    squares = fma(value.w, value.w, fma(value.z, value.z, fma(value.y, value.y, fma(value.x, value.x, squares))));
  }
  let factor = 1.0 / sqrt(fma(total(squares, worker), params.mean.x, params.mean.y));
  for (var i = worker; i < params.shape.x; i += 256u) {
    out[row * params.shape.z + i] = x[row * params.shape.y + i] * factor * weight[i];
  }
}
