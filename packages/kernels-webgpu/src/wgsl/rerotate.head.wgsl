// Turns the keys of slots[r] back by positions[r], which is a distance; a workgroup of 128 has a head of a row.
struct Params {
  // the cache, heads of this shard
  shape: vec4<u32>,
}

@compute @workgroup_size(${WORKERS})
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
  let slot = view_slot(params.shape.x, group.y);
  let distance = step_position(group.y);
  let page = page_at(slot / 128u, group.x, params.shape.y);
  var scales = vec4<u32>(0u);
#if Q8
  scales = keys[scales_at(page, slot % 128u)];
#end
  for (var part = worker; part < ${PARTS}u${TIMES}; part += ${WORKERS}u) {
    let raw = keys[key_at(page, part, slot % 128u)];
#for v VECS
    {
      let four = numbers_of(raw, ${v}u, scales, part);
      let at = ${PER}u * part + 4u * ${v}u;
      head[at] = four.x;
      head[at + 1u] = four.y;
      head[at + 2u] = four.z;
      head[at + 3u] = four.w;
    }
#end
  }
  workgroupBarrier();
  for (var j = worker; j < ${PAIRS}u${TIMES}; j += ${WORKERS}u) {
    let a = head[j];
    let b = head[${PAIRS}u + j];
    let t = turn(distance, norms[j]);
    head[j] = fma(a, t.x, b * t.y);
    head[${PAIRS}u + j] = fma(b, t.x, -(a * t.y));
  }
  workgroupBarrier();
  put_key(page, slot % 128u, worker);
}
