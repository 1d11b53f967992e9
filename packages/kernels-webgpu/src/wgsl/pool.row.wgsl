// out[r] = the mean of square r of a grid's rows; a workgroup has 64 columns of a square.
struct Params {
  // columns of a row; numbers from row to row of x and of out; columns of the grid
  shape: vec4<u32>,
  // rows of a square's side; the bits of 1 / rows of a square
  square: vec4<u32>,
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.shape.x) { return; }
  let size = params.square.x;
  let squares = params.shape.w / size;
  let first = (id.y / squares) * size * params.shape.w + (id.y % squares) * size;
  var sum = 0.0;
  for (var y = 0u; y < size; y++) {
    for (var i = 0u; i < size; i++) { sum += x[(first + y * params.shape.w + i) * params.shape.y + id.x]; }
  }
  out[id.y * params.shape.z + id.x] = sum * bitcast<f32>(params.square.y);
}
