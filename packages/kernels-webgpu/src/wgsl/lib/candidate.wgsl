// What ranks among the logits. Numbers travel as their bits: an id is no f32.
struct Params {
  // candidates of a row; numbers from row to row, before and after
  shape: vec4<u32>,
}

struct Candidate {
  logit: f32,
  id: u32,
}

const NOTHING = 0xffffffffu;

// The first pass reads logits, later ones what the pass before left.
fn candidate(row: u32, n: u32) -> Candidate {
  if (n >= params.shape.x) { return Candidate(0.0, NOTHING); }
#if FIRST
  let bits = source[row * params.shape.y + n];
  // NaN has a larger magnitude than infinity; -infinity is one value.
  let ranks = (bits & 0x7fffffffu) <= 0x7f800000u && bits != 0xff800000u;
  return Candidate(bitcast<f32>(bits), select(NOTHING, n, ranks));
#else
  let at = row * params.shape.y + 2u * n;
  return Candidate(bitcast<f32>(source[at]), source[at + 1u]);
#end
}

// The larger logit comes first, the lower id on ties. What must not rank has no id and comes last.
fn comes_before(a: Candidate, b: Candidate) -> bool {
  if (a.id == NOTHING || b.id == NOTHING) { return b.id == NOTHING && a.id != NOTHING; }
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

// Leaves the candidate at place i of those of a group; the last pass, with one group a row, as the contract has it.
fn leave(row: u32, group: u32, i: u32, found: Candidate) {
#if LAST
  let nothing = found.id == NOTHING;
  out[row * params.shape.z + i] = bitcast<u32>(select(f32(found.id), -1.0, nothing));
  out[row * params.shape.z + ${COUNT}u + i] = select(bitcast<u32>(found.logit), 0xff800000u, nothing);
#else
  let at = row * params.shape.z + 2u * (group * ${COUNT}u + i);
  out[at] = bitcast<u32>(found.logit);
  out[at + 1u] = found.id;
#end
}
