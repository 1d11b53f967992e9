// Merges what attend.page.wgsl made of each page, in the order of pages; a worker has four numbers of a head.
// With FUSED it also copies the normed and turned heads to where the program wants them.
struct Params {
  // vec4s from row to row of out; the cache; heads of q, of kv
  shape: vec4<u32>,
  // where the normed heads lie in partials
  normed: vec4<u32>,
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.y;
  let head = id.x / ${HEAD_VECS}u;
  let i = id.x % ${HEAD_VECS}u;
  if (head >= params.shape.z) { return; }
  let span = view_span(params.shape.y, row);
  let pages = (span.y - 1u) / 128u - span.x / 128u + 1u;
  var most = -3e38;
  var sum = 0.0;
  var all = vec4<f32>(0.0);
  for (var n = 0u; n < pages; n++) {
    let at = ((n * step_rows() + row) * params.shape.z + head) * ${PARTIAL_VECS}u;
    let page = partials[at];
    let new_most = max(most, page.x);
    let before = exp(most - new_most);
    let here = exp(page.x - new_most);
    sum = fma(sum, before, page.y * here);
    all = fma(all, vec4<f32>(before), partials[at + 1u + i] * here);
    most = new_most;
  }
  out[row * params.shape.x + head * ${HEAD_VECS}u + i] = all / sum;
#if FUSED
  q[head * ${HEAD_VECS}u + i] = partials[params.normed.x + id.x];
  if (head < params.shape.w) { k[head * ${HEAD_VECS}u + i] = partials[params.normed.x + params.shape.z * ${HEAD_VECS}u + id.x]; }
#end
}
