// out[r] = weight[ids[r]] · scale; a worker has 32 columns of a row.
struct Params {
  // chunks of a row; out: vec4s from row to row; the shard's first row; ids: numbers from row to row
  shape: vec4<u32>,
  matrix: vec4<u32>,
  scale: vec4<f32>,
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let chunk = id.x;
  let row = id.y;
#if CHOSEN
  // −1, no id, counts as 0.
  let token = u32(max(ids[row * params.shape.w], 0.0)) - params.shape.z;
#else
  let token = step_id(row) - params.shape.z;
#end
  if (chunk >= params.shape.x || token >= params.matrix.w) { return; }
  let c = w0_load(token, chunk, params.matrix, params.shape.x);
  let at = row * params.shape.y + 8u * chunk;
#for f FOLDS
#each i PIECES
    let j = ${f}u * ${PIECES}u + i;
#if SCALED
    var value = c.scale${f} * (w0_piece(c, j) - ${ZERO});
#else
    var value = w0_piece(c, j);
#end
#if MIN
    value -= c.min${f};
#end
    out[at + j] = value * params.scale.x;
#end
#end
}
