// logits[r, i] = −infinity where bit i of the row's words is not set; a worker has 32 ids.
struct Params {
  // ids of a row; numbers from row to row; where the words lie in the edits, and how many a row has
  shape: vec4<u32>,
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.shape.w || edits[0] == 0u) { return; }
  let word = edits[params.shape.z + id.y * params.shape.w + id.x];
  for (var i = 0u; i < 32u; i++) {
    let at = 32u * id.x + i;
    if (at < params.shape.x && ((word >> i) & 1u) == 0u) { logits[id.y * params.shape.y + at] = 0xff800000u; }
  }
}
