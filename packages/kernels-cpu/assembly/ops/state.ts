import { exp, expScalar } from '../lib/exp'
import { PAGE, TILE } from '../lib/layout'
import { madd, maxLanes, sumLanes } from '../lib/simd'

/*
 * What attention knows of four rows after some of the positions: max f32[4], sum f32[4], out f32 [4][dim]. `out` and `sum` are of
 * exponentials less the maximum.
 */
@inline export function stateBytes(dim: i32): usize { return 32 + 16 * dim }

/** scores f32 [4][PAGE] to exponentials of the first `count`, a multiple of 4, and the state's maxima and sums of these. */
export function weigh(scores: usize, count: i32, state: usize): void {
  for (let p = 0; p < TILE; p++) {
    const row = scores + 4 * PAGE * p
    let largest = f32x4.splat(-Infinity)
    for (let s = 0; s < count; s += 4) largest = f32x4.max(largest, v128.load(row + 4 * s))
    const top = maxLanes(largest)
    store<f32>(state + 4 * p, top)
    // A row that sees nothing here keeps -Infinity as its maximum and zero everywhere else.
    const shift = f32x4.splat(top == -Infinity ? 0 : top)
    let total = f32x4.splat(0)
    for (let s = 0; s < count; s += 4) {
      const e = exp(f32x4.sub(v128.load(row + 4 * s), shift))
      total = f32x4.add(total, e)
      v128.store(row + 4 * s, e)
    }
    store<f32>(state + 4 * p, sumLanes(total), 16)
  }
}

export function clear(state: usize, dim: i32): void {
  memory.fill(state, 0, stateBytes(dim))
  v128.store(state, f32x4.splat(-Infinity))
}

/** Online softmax: `into` becomes the state over both. Exact when one side sees nothing. */
export function merge(into: usize, other: usize, dim: i32): void {
  for (let p = 0; p < TILE; p++) {
    const m = load<f32>(into + 4 * p), n = load<f32>(other + 4 * p), top = max(m, n)
    const a: f32 = m == top ? 1 : expScalar(m - top), b: f32 = n == top ? 1 : expScalar(n - top)
    store<f32>(into + 4 * p, top)
    store<f32>(into + 4 * p, load<f32>(into + 4 * p, 16) * a + load<f32>(other + 4 * p, 16) * b, 16)
    const x = f32x4.splat(a), y = f32x4.splat(b)
    for (let at: usize = 32 + 4 * p * dim, end = at + 4 * dim; at < end; at += 16) {
      v128.store(into + at, madd(v128.load(into + at), x, f32x4.mul(v128.load(other + at), y)))
    }
  }
}
