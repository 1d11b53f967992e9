// logits[r, id] = (logits[r, id] + before) · factor + after for the ids that the row's edits name; a worker has one. Numbers are rounded after
// each step: the product goes through its bits, so that no compiler makes one operation of both.
struct Params {
  // numbers from row to row; most edits of a row; where the ids lie in the edits, and the changes
  shape: vec4<u32>,
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.y;
  if (id.x >= edits[1u + row]) { return; }
  let n = row * params.shape.y + id.x;
  let at = row * params.shape.x + edits[params.shape.z + n];
  let change = params.shape.w + 4u * n;
  let value = bitcast<f32>(logits[at]) + bitcast<f32>(edits[change]);
  let product = value * bitcast<f32>(edits[change + select(2u, 1u, value > 0.0)]);
  let rounded = bitcast<f32>(bitcast<u32>(product) ^ (once() - 1u));
  logits[at] = bitcast<u32>(rounded + bitcast<f32>(edits[change + 3u]));
}
