// The COUNT largest of each 1024 candidates, the largest first, the lowest id on ties; a workgroup of 256 sorts them in shared
// memory by Batcher's bitonic network.
var<workgroup> logits: array<f32, 1024>;
var<workgroup> ids: array<u32, 1024>;

fn at(i: u32) -> Candidate { return Candidate(logits[i], ids[i]); }

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
  for (var i = worker; i < 1024u; i += 256u) {
    let read = candidate(group.y, group.x * 1024u + i);
    logits[i] = read.logit;
    ids[i] = read.id;
  }
  workgroupBarrier();
  for (var size = 2u; size <= 1024u; size <<= 1u) {
    for (var apart = size >> 1u; apart > 0u; apart >>= 1u) {
      for (var pair = worker; pair < 512u; pair += 256u) {
        let a = 2u * pair - (pair & (apart - 1u));
        let b = a + apart;
        if (comes_before(at(b), at(a)) == ((a & size) == 0u)) {
          let other = at(a);
          logits[a] = logits[b];
          ids[a] = ids[b];
          logits[b] = other.logit;
          ids[b] = other.id;
        }
      }
      workgroupBarrier();
    }
  }
  for (var i = worker; i < ${COUNT}u; i += 256u) { leave(group.y, group.x, i, at(i)); }
}
