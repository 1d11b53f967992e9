// out[r] = patch r of the pixels [3, side, side]: for each channel the patch's rows; a workgroup has 64 columns of a patch.
struct Params {
  // columns of a patch; out: numbers from row to row; pixels of a patch's side and of the image's
  shape: vec4<u32>,
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  if (id.x >= params.shape.x) { return; }
  let patch_side = params.shape.z;
  let side = params.shape.w;
  let grid = side / patch_side;
  let line = id.x / patch_side;
  let y = (id.y / grid) * patch_side + line % patch_side;
  let x = (id.y % grid) * patch_side + id.x % patch_side;
  out[id.y * params.shape.y + id.x] = pixels[((line / patch_side) * side + y) * side + x];
}
