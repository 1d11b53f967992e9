// Puts the head that lies in `head` into values; beside cache-write-keys.wgsl.
fn put_value(page: u32, slot: u32, worker: u32) {
  prepare_put(worker);
  for (var part = worker; part < ${PARTS}u${TIMES}; part += ${WORKERS}u) { values[value_at(page, slot, part)] = put_part(part); }
#if Q8
  if (worker == 0u) { values[scales_at(page, slot)] = put_scales(); }
#end
  workgroupBarrier();
}
