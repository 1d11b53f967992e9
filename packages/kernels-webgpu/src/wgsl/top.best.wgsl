// The best of each 1024 candidates: each of 256 workers looks at four, 16 of them at 16 of these, the first at what is left.
var<workgroup> logits: array<f32, 256>;
var<workgroup> ids: array<u32, 256>;

fn give(worker: u32, best: Candidate) {
  logits[worker] = best.logit;
  ids[worker] = best.id;
}

// The best of 16 given ones, `apart` from each other.
fn best_of(first: u32, apart: u32) -> Candidate {
  var best = Candidate(logits[first], ids[first]);
  for (var i = 1u; i < 16u${TIMES}; i++) {
    let at = first + i * apart;
    let next = Candidate(logits[at], ids[at]);
    if (comes_before(next, best)) { best = next; }
  }
  return best;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
  let first = group.x * 1024u + worker;
  var best = candidate(group.y, first);
  for (var i = 1u; i < 4u; i++) {
    let next = candidate(group.y, first + 256u * i);
    if (comes_before(next, best)) { best = next; }
  }
  give(worker, best);
  workgroupBarrier();
  if (worker < 16u) { best = best_of(worker, 16u); }
  workgroupBarrier();
  if (worker < 16u) { give(worker, best); }
  workgroupBarrier();
  if (worker == 0u) { leave(group.y, group.x, 0u, best_of(0u, 1u)); }
}
