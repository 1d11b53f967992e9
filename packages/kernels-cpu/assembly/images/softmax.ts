import { exp } from '../lib/exp'
import { addMagic, madd, takeMagic } from '../lib/simd'
import { LANES, SLOTS, WEIGHT_BITS } from './pages'

/*
 * What attention knows of LANES rows after some pages, each f32 [LANES]: 0 the scores' factor, 32 the largest score times that, 64 the
 * sum of weights, and from 96 on their sums of values [dim][LANES]. Weights are powers of two, of differences from the largest score.
 */
@inline export function stateBytes(dim: i32): usize { return 96 + 4 * LANES * dim }
@inline export function sumsOf(state: usize): usize { return state + 96 }

/** Scores that are no row's. */
const NOTHING: f32 = -3e38
const LN_2: f32 = 0.6931471805599453

/** Begins with the factors that make scores exponents of two. A factor of zero would hide which scores are no row's. */
export function beginState(state: usize, factors0: v128, factors1: v128, dim: i32): void {
  const least = f32x4.splat(1e-30)
  memory.fill(state, 0, stateBytes(dim))
  v128.store(state, f32x4.max(factors0, least)); v128.store(state, f32x4.max(factors1, least), 16)
  v128.store(state, f32x4.splat(NOTHING), 32); v128.store(state, f32x4.splat(NOTHING), 48)
}

/** Of scores f32 [SLOTS][LANES] the first `count` are rows'. Moves the state to the largest of these. */
export function raise(scores: usize, count: i32, state: usize, dim: i32): void {
  for (let s = count; s < SLOTS; s++) {
    v128.store(scores + 32 * s, f32x4.splat(NOTHING)); v128.store(scores + 32 * s, f32x4.splat(NOTHING), 16)
  }
  let m0 = v128.load(scores), m1 = v128.load(scores, 16)
  for (let at = scores + 32, end = scores + 32 * SLOTS; at < end; at += 32) {
    m0 = f32x4.pmax(m0, v128.load(at)); m1 = f32x4.pmax(m1, v128.load(at, 16))
  }
  const old0 = v128.load(state, 32), old1 = v128.load(state, 48)
  m0 = f32x4.max(old0, f32x4.mul(m0, v128.load(state))); m1 = f32x4.max(old1, f32x4.mul(m1, v128.load(state, 16)))
  if (!v128.any_true(v128.or(f32x4.gt(m0, old0), f32x4.gt(m1, old1)))) return
  const a0 = exp(f32x4.mul(f32x4.sub(old0, m0), f32x4.splat(LN_2))), a1 = exp(f32x4.mul(f32x4.sub(old1, m1), f32x4.splat(LN_2)))
  v128.store(state, m0, 32); v128.store(state, m1, 48)
  for (let at = state + 64, end = state + stateBytes(dim); at < end; at += 32) {
    v128.store(at, f32x4.mul(v128.load(at), a0)); v128.store(at, f32x4.mul(v128.load(at, 16), a1), 16)
  }
}

/** Scores to weights, in their place. */
export function weigh32(scores: usize, state: usize): void {
  const ln2 = f32x4.splat(LN_2)
  for (let half: usize = 0; half < 32; half += 16) {
    const factor = f32x4.mul(v128.load(state + half), ln2), top = f32x4.mul(v128.load(state + half, 32), ln2)
    let sum = v128.load(state + half, 64)
    for (let at = scores + half, end = at + 32 * SLOTS; at < end; at += 32) {
      const e = exp(f32x4.sub(f32x4.mul(v128.load(at), factor), top))
      sum = f32x4.add(sum, e)
      v128.store(at, e)
    }
    v128.store(state + half, sum, 64)
  }
}

/** Scores to weights as integers, i16 [SLOTS/2][LANES][2]; sums are of these. */
export function weigh16(scores: usize, weights: usize, state: usize): void {
  for (let half: usize = 0; half < 32; half += 16) {
    const factor = v128.load(state + half), shift = f32x4.sub(f32x4.splat(WEIGHT_BITS), v128.load(state + half, 32))
    const ones = i16x8.splat(1), low = i32x4.splat(0xffff)
    const p4 = f32x4.splat(9.6181291e-3), p3 = f32x4.splat(5.5504109e-2), p2 = f32x4.splat(0.24022651), p1 = f32x4.splat(0.69314718), p0 = f32x4.splat(1), least = f32x4.splat(-2)
    let sum = i32x4.splat(0), to = weights + half
    for (let at = scores + half, end = at + 32 * SLOTS; at < end; at += 64, to += 32) {
      const even = level(madd(v128.load(at), factor, shift), p4, p3, p2, p1, p0, least)
      const odd = level(madd(v128.load(at, 32), factor, shift), p4, p3, p2, p1, p0, least)
      const pair = v128.or(v128.and(even, low), i32x4.shl(odd, 16))
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(pair, ones))
      v128.store(to, pair)
    }
    v128.store(state + half, f32x4.add(v128.load(state + half, 64), f32x4.convert_i32x4_s(sum)), 64)
  }
}

/** 2ˣ, rounded to the nearest integer in the lowest bits; 0 below -1. The polynomial is off by up to 6e-5 of the result. */
@inline function level(x: v128, p4: v128, p3: v128, p2: v128, p1: v128, p0: v128, least: v128): v128 {
  const t = f32x4.pmax(x, least), n = addMagic(t), f = f32x4.sub(t, takeMagic(n))
  const p = madd(madd(madd(madd(p4, f, p3), f, p2), f, p1), f, p0)
  return addMagic(i32x4.add(p, i32x4.shl(n, 23)))
}
