// Norms and turns each head of q and k in place; a workgroup of 128 has a head of a row. With STORE the keys go into the cache
// as well, and so do the values: heads after those of q and k.
struct Params {
  // numbers from row to row of q, k and v; the cache
  shape: vec4<u32>,
  // heads of q, of k
  heads: vec4<u32>,
  eps: vec4<f32>,
}

@compute @workgroup_size(${WORKERS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
  let row = group.y;
  let position = step_position(row);
#if STORE
  let slot = view_slot(params.shape.w, row);
#end
  if (group.x < params.heads.x) {
    let at = row * params.shape.x + group.x * ${HEAD_DIM}u;
    for (var i = worker; i < ${HEAD_DIM}u${TIMES}; i += ${WORKERS}u) { head[i] = q[at + i]; }
    norm_rope(worker, 0u, position, params.eps.x);
    for (var i = worker; i < ${HEAD_DIM}u${TIMES}; i += ${WORKERS}u) { q[at + i] = head[i]; }
  } else if (group.x < params.heads.x + params.heads.y) {
    let own = group.x - params.heads.x;
    let at = row * params.shape.y + own * ${HEAD_DIM}u;
    for (var i = worker; i < ${HEAD_DIM}u${TIMES}; i += ${WORKERS}u) { head[i] = k[at + i]; }
    norm_rope(worker, ${HEAD_DIM}u, position, params.eps.x);
    for (var i = worker; i < ${HEAD_DIM}u${TIMES}; i += ${WORKERS}u) { k[at + i] = head[i]; }
#if STORE
    put_key(page_at(slot / 128u, own, params.heads.y), slot % 128u, worker);
#end
  }
#if STORE
  else {
    let own = group.x - params.heads.x - params.heads.y;
    let at = row * params.shape.z + own * ${HEAD_DIM}u;
    for (var i = worker; i < ${HEAD_DIM}u${TIMES}; i += ${WORKERS}u) { head[i] = v[at + i]; }
    workgroupBarrier();
    put_value(page_at(slot / 128u, own, params.heads.y), slot % 128u, worker);
  }
#end
}
