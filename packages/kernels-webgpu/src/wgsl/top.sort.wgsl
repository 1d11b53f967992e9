// The COUNT largest of each 1024 candidates, the largest first, the lowest id on ties; a workgroup of 256 sorts them in shared
// memory by Batcher's bitonic network. The first pass reads logits, later ones what the pass before left; the last one, with one
// workgroup a row, writes ids and logits as the contract has them. Numbers travel as their bits: an id is no f32.
struct Params {
  // candidates of a row; numbers from row to row, before and after
  shape: vec4<u32>,
}

const NOTHING = 0xffffffffu;

var<workgroup> logits: array<f32, 1024>;
var<workgroup> ids: array<u32, 1024>;

// Whether candidate a comes before b. What must not rank has no id and comes last.
fn is_before(a: u32, b: u32) -> bool {
  if (ids[a] == NOTHING || ids[b] == NOTHING) { return ids[b] == NOTHING && ids[a] != NOTHING; }
  return logits[a] > logits[b] || (logits[a] == logits[b] && ids[a] < ids[b]);
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) worker: u32) {
  for (var i = worker; i < 1024u; i += 256u) {
    let n = group.x * 1024u + i;
    var id = NOTHING;
    var logit = 0.0;
    if (n < params.shape.x) {
#if FIRST
      let bits = source[group.y * params.shape.y + n];
      logit = bitcast<f32>(bits);
      // NaN has a larger magnitude than infinity; -infinity is one value.
      if ((bits & 0x7fffffffu) <= 0x7f800000u && bits != 0xff800000u) { id = n; }
#else
      logit = bitcast<f32>(source[group.y * params.shape.y + 2u * n]);
      id = source[group.y * params.shape.y + 2u * n + 1u];
#end
    }
    logits[i] = logit;
    ids[i] = id;
  }
  workgroupBarrier();
  for (var size = 2u; size <= 1024u; size <<= 1u) {
    for (var apart = size >> 1u; apart > 0u; apart >>= 1u) {
      for (var pair = worker; pair < 512u; pair += 256u) {
        let a = 2u * pair - (pair & (apart - 1u));
        let b = a + apart;
        if (is_before(b, a) == ((a & size) == 0u)) {
          let logit = logits[a];
          let id = ids[a];
          logits[a] = logits[b];
          ids[a] = ids[b];
          logits[b] = logit;
          ids[b] = id;
        }
      }
      workgroupBarrier();
    }
  }
  for (var i = worker; i < ${COUNT}u; i += 256u) {
#if LAST
    let nothing = ids[i] == NOTHING;
    out[group.y * params.shape.z + i] = bitcast<u32>(select(f32(ids[i]), -1.0, nothing));
    out[group.y * params.shape.z + ${COUNT}u + i] = select(bitcast<u32>(logits[i]), 0xff800000u, nothing);
#else
    let at = group.y * params.shape.z + 2u * (group.x * ${COUNT}u + i);
    out[at] = bitcast<u32>(logits[i]);
    out[at + 1u] = ids[i];
#end
  }
}
