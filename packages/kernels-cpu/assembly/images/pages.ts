import { inverseOf, stepOf } from '../cache/shorts'
import { FLOATS } from '../lib/layout'
import { lane0, lane1, lane2, lane3, roundToInt } from '../lib/simd'

/*
 * Rows of an image as attention multiplies them. A page holds a head's keys and values of SLOTS rows, as tiles of four: four keys, then
 * four dimensions of the values. LANES rows' queries are a panel. As f32: keys [SLOTS/4][dim][4], values [dim/4][SLOTS][4], queries
 * [dim][LANES]. As i16 in pairs: keys [SLOTS/4][dim/2][4][2] and f32 scales [SLOTS], values [dim/4][SLOTS/2][4][2] and f32 scales [dim],
 * queries [dim/2][LANES][2].
 *
 * Keys and queries of i16 have the norms of `cache/shorts.ts`. Weights are at most WEIGHT and values at most LEVEL, so that a page's sums
 * fit: 64 · 2¹³ · 4095 < 2³¹.
 */
export const SLOTS = 64
export const LANES = 8
/** The logarithm of the largest weight to base 2. */
export const WEIGHT_BITS: f32 = 13
const LEVEL: f32 = 4095

// Of a head's page: its bytes, and where its values and scales are.
@inline export function pageBytes(form: i32, dim: i32): usize {
  return form == FLOATS ? 8 * SLOTS * dim : 4 * SLOTS * dim + 4 * (SLOTS + dim)
}
@inline export function valuesOf(form: i32, page: usize, dim: i32): usize { return page + (form == FLOATS ? 4 : 2) * SLOTS * dim }
@inline export function keyScales(page: usize, dim: i32): usize { return page + 4 * SLOTS * dim }
@inline export function valueScales(page: usize, dim: i32): usize { return keyScales(page, dim) + 4 * SLOTS }
@inline export function panelBytes(form: i32, dim: i32): usize { return (form == FLOATS ? 4 : 2) * LANES * dim }

/** f32 numbers of four vectors as [dim][`width`] from `to` on. */
export function packFloats(x0: usize, x1: usize, x2: usize, x3: usize, dim: i32, to: usize, width: i32): void {
  const step: usize = 4 * width
  for (let d = 0; d < dim; d += 4, x0 += 16, x1 += 16, x2 += 16, x3 += 16) {
    const a = v128.load(x0), b = v128.load(x1), c = v128.load(x2), e = v128.load(x3)
    v128.store(to, lane0(a, b, c, e)); to += step
    v128.store(to, lane1(a, b, c, e)); to += step
    v128.store(to, lane2(a, b, c, e)); to += step
    v128.store(to, lane3(a, b, c, e)); to += step
  }
}

/** Four vectors as i16 [dim/2][`width`][2] from `to` on. Returns their steps. */
export function packPairs(x0: usize, x1: usize, x2: usize, x3: usize, dim: i32, to: usize, width: i32): v128 {
  const s0 = stepOf(x0, dim), s1 = stepOf(x1, dim), s2 = stepOf(x2, dim), s3 = stepOf(x3, dim)
  const i0 = inverseOf(f32x4.splat(s0)), i1 = inverseOf(f32x4.splat(s1)), i2 = inverseOf(f32x4.splat(s2)), i3 = inverseOf(f32x4.splat(s3))
  const step: usize = 4 * width
  for (let d = 0; d < dim; d += 4, x0 += 16, x1 += 16, x2 += 16, x3 += 16) {
    const a = i16x8.narrow_i32x4_s(rounded(x0, i0), rounded(x1, i1)), b = i16x8.narrow_i32x4_s(rounded(x2, i2), rounded(x3, i3))
    v128.store(to, v128.shuffle<u32>(a, b, 0, 2, 4, 6)); to += step
    v128.store(to, v128.shuffle<u32>(a, b, 1, 3, 5, 7)); to += step
  }
  return f32x4(s0, s1, s2, s3)
}

@inline function rounded(x: usize, inverse: v128): v128 { return roundToInt(f32x4.mul(v128.load(x), inverse)) }

/** Keys of a page's `count` rows from `x` on, `stride` bytes apart; the slots that are left are zero. `zeros`: f32 [dim] */
export function packKeys(form: i32, x: usize, stride: usize, count: i32, dim: i32, page: usize, zeros: usize): void {
  const tile: usize = (form == FLOATS ? 16 : 8) * dim
  for (let s = 0, to = page; s < SLOTS; s += 4, to += tile, x += 4 * stride) {
    const x0 = s < count ? x : zeros, x1 = s + 1 < count ? x + stride : zeros
    const x2 = s + 2 < count ? x + 2 * stride : zeros, x3 = s + 3 < count ? x + 3 * stride : zeros
    if (form == FLOATS) packFloats(x0, x1, x2, x3, dim, to, 4)
    else v128.store(keyScales(page, dim) + 4 * s, packPairs(x0, x1, x2, x3, dim, to, 4))
  }
}

/** Values alike. */
export function packValues(form: i32, x: usize, stride: usize, count: i32, dim: i32, page: usize): void {
  let to = valuesOf(form, page, dim)
  for (let d = 0; d < dim; d += 4, x += 16) {
    if (form != FLOATS) v128.store(valueScales(page, dim) + 4 * d, shortValues(x, stride, count, to))
    else for (let s = 0; s < SLOTS; s++) v128.store(to + 16 * s, fourOf(x, stride, s, count))
    to += (form == FLOATS ? 16 : 8) * SLOTS
  }
}

/** Four dimensions as i16 [SLOTS/2][4][2]. Returns their scales. */
function shortValues(x: usize, stride: usize, count: i32, to: usize): v128 {
  let most = f32x4.splat(0)
  for (let s = 0; s < count; s++) most = f32x4.max(most, f32x4.abs(fourOf(x, stride, s, count)))
  const scales = f32x4.div(most, f32x4.splat(LEVEL)), inverse = inverseOf(scales)
  for (let s = 0; s < SLOTS; s += 2, to += 16) {
    const even = roundToInt(f32x4.mul(fourOf(x, stride, s, count), inverse))
    const odd = roundToInt(f32x4.mul(fourOf(x, stride, s + 1, count), inverse))
    v128.store(to, v128.or(v128.and(even, i32x4.splat(0xffff)), i32x4.shl(odd, 16)))
  }
  return scales
}

@inline function fourOf(x: usize, stride: usize, slot: i32, count: i32): v128 {
  return slot < count ? v128.load(x + <usize>slot * stride) : f32x4.splat(0)
}
