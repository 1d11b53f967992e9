// out = (x − mean) / sqrt(variance + eps) · weight + bias; a workgroup of 256 has a row. The mean is taken twice, the second time of what
// the first leaves: where values lie far from zero, its rounding would show.
struct Params {
  // vec4s of a row; from row to row of x and of out
  shape: vec4<u32>,
  // 1 / columns, eps
  mean: vec4<f32>,
}

fn sum_of(value: vec4<f32>) -> f32 { return (value.x + value.y) + (value.z + value.w); }

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
  let from_row = group.y * params.shape.y;
  var sum = 0.0;
  for (var i = worker; i < params.shape.x; i += 256u) { sum += sum_of(x[from_row + i]); }
  let near = vec4<f32>(total(sum, worker) * params.mean.x);
  sum = 0.0;
  for (var i = worker; i < params.shape.x; i += 256u) { sum += sum_of(x[from_row + i] - near); }
  let rest = vec4<f32>(total(sum, worker) * params.mean.x);
  var squares = 0.0;
  for (var i = worker; i < params.shape.x; i += 256u) {
    let value = (x[from_row + i] - near) - rest;
    squares = fma(value.w, value.w, fma(value.z, value.z, fma(value.y, value.y, fma(value.x, value.x, squares))));
  }
  let factor = 1.0 / sqrt(fma(total(squares, worker), params.mean.x, params.mean.y));
  for (var i = worker; i < params.shape.x; i += 256u) {
    let value = ((x[from_row + i] - near) - rest) * factor;
    out[group.y * params.shape.z + i] = fma(value, weight[i], bias[i]);
  }
}
