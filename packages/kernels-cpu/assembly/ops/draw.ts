import { int, rowOf, stepDraw } from './args'

/** Weights count in 2^-24 of the largest. */
const ONE: u32 = 1 << 24
const LOG2_E: f32 = 1.44269504
const LN_2: u32 = 2977044471
const SHARE_BITS = 25

// ⌊a · b / 2^32⌋
@inline function highProduct(a: u32, b: u32): u32 { return <u32>((<u64>a * <u64>b) >> 32) }

function weight(distance: f32, rate: f32): u32 {
  const exponent = distance * rate
  if (!(exponent < 25)) return 0
  const fixed = <u32>(exponent * 1048576)
  const x = highProduct(fixed << 12, LN_2)
  let power: u32 = 0x80000000
  for (let term: u32 = 9; term > 0; term--) power = 0x80000000 - highProduct(x, power) / term
  return (power >> 7) >> (fixed >> 20)
}

@inline function weightAt(logits: usize, n: i32, rate: f32): u32 {
  return weight(load<f32>(logits) - load<f32>(logits + 4 * n), rate)
}

function sum(logits: usize, count: i32, rate: f32): u32 {
  let all: u32 = 0
  for (let n = 0; n < count; n++) all += weightAt(logits, n, rate)
  return all
}

/** The place that a draw takes among falling logits: `draw.ts` of @g3/backend, whole number for whole number. */
function place(logits: usize, size: i32, draw: usize): i32 {
  const rate = load<f32>(draw), threshold = load<u32>(draw, 4), third = load<u32>(draw, 8)
  let kept = min(size, <i32>(third >> SHARE_BITS))
  if (threshold > 0) {
    const enough = highProduct(sum(logits, kept, LOG2_E), threshold)
    let covered = ONE, n = 1
    for (; n < kept && covered < enough; n++) covered += weightAt(logits, n, LOG2_E)
    kept = n
  }
  const share = third & ((1 << SHARE_BITS) - 1)
  while (kept > 1 && weightAt(logits, kept - 1, LOG2_E) < share) kept--
  let rest = highProduct(sum(logits, kept, rate), load<u32>(draw, 12)), taken = 0
  for (; taken < kept - 1; taken++) {
    const own = weightAt(logits, taken, rate)
    if (rest < own) break
    rest -= own
  }
  return taken
}

/** draw: ranked 0-1, out 2-3, how many are ranked 4 */
export function draw(args: usize, first: i32, last: i32): void {
  const count = int(args, 4)
  for (let r = first; r < last; r++) {
    const ids = rowOf(args, 0, r)
    let size = 0
    while (size < count && load<f32>(ids + 4 * size) >= 0) size++
    const id = size == 0 ? <f32>-1 : load<f32>(ids + 4 * place(ids + 4 * count, size, stepDraw(r)))
    store<f32>(rowOf(args, 2, r), id)
  }
}
