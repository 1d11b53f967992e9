// cache[slots[r]] = k[r], v[r]; a workgroup of 128 has a head of a row: first those of k, then those of v.
struct Params {
  // numbers from row to row of k and v; the cache
  shape: vec4<u32>,
  // heads of this shard, the first of them
  heads: vec4<u32>,
}

@compute @workgroup_size(${WORKERS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
  let row = group.y;
  let slot = view_slot(params.shape.z, row);
  let own = group.x % params.heads.x;
  let column = (params.heads.y + own) * ${HEAD_DIM}u;
  let page = page_at(slot / 128u, own, params.heads.x);
  if (group.x < params.heads.x) {
    for (var i = worker; i < ${HEAD_DIM}u${TIMES}; i += ${WORKERS}u) { head[i] = k[row * params.shape.x + column + i]; }
    workgroupBarrier();
    put_key(page, slot % 128u, worker);
  } else {
    for (var i = worker; i < ${HEAD_DIM}u${TIMES}; i += ${WORKERS}u) { head[i] = v[row * params.shape.y + column + i]; }
    workgroupBarrier();
    put_value(page, slot % 128u, worker);
  }
}
