// out = gelu(out) ⊙ up; a workgroup has 64 columns of a row.
struct Params {
  // columns; out and up: numbers from row to row
  shape: vec4<u32>,
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) place: vec3<u32>) {
  if (place.x < params.shape.x) {
    let at = place.y * params.shape.y + place.x;
    out[at] = gelu(out[at]) * up[place.y * params.shape.z + place.x];
  }
}
