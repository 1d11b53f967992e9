import { halfFactor, halfMask, widenHalf } from '../lib/half'
import { TILE } from '../lib/layout'
import { roundToInt, scaledSum } from '../lib/simd'

/*
 * A Q8_0 head by halves: of each weight q the upper 7 bits, as u = (q + 128) >> 1, so that q = 2 (u - 64) + ½ + r with
 * r = ±½; of each activation v, a 14-bit integer, the nearest multiple σ · y of a step σ that 32 columns share. That
 * fits int8 products, which do twice the work of 16-bit ones.
 *
 * For a block of 32 columns and a row's scale d, in units of the token's scale:
 *
 *   d Σ q v = d σ (2 Σ (u - 64) y + ½ Σ y)  +  d σ Σ r y  +  d Σ q (v - σ y)
 *
 * The first part is what is computed. The second is at most |d| E with E = ½ σ Σ |y|, and the third, by Cauchy and
 * Schwarz, at most |d| ‖q‖ F with F = ‖v - σ y‖. E and F are the token's, |d| and |d| ‖q‖ the row's (`bounds.ts`).
 *
 * σ is so large that sums of 16 bits hold: a lane adds 16 products, those of columns k%4 < 2 or those of the rest, and
 * |Σ (u - 64) y| <= √16 · 64 · ‖y‖. σ = ‖v‖ / 125.5, over the lane where that is larger, and rounding adds at most
 * ½ √16, so ‖y‖ < 127.6 and the sum is below 32,666; |y| <= 126. On the way it may wrap, see `gemm8.ts`.
 */

/** How halves fold: a class of constants as those of `lib/layout.ts`. */
export class Halves {
  @inline columns(): i32 { return 32 }
  @inline hasMin(): bool { return true }
  @inline zeroLevel(): i32 { return 64 }
}

/** Bytes of a block in a tile that {@link packHalves} writes, and of its errors. */
export const HALVES_TILE = 176
export const HALVES_ERRORS = 32
const HALVES_PANEL = 320

/**
 * Groups of {@link GROUP} rows as Q8_0 has them (`stored.ts`) to a panel of u. Its min is d: the tile brings ½ σ Σ y.
 */
export function unpackHalves(group: usize, cols: i32, panel: usize): void {
  const sign = i8x16.splat(-128), seven = i8x16.splat(127), mask = halfMask(), factor = halfFactor()
  for (let end = panel + <usize>(cols / 32) * HALVES_PANEL; panel < end; panel += HALVES_PANEL) {
    const d0 = widenHalf(v128.load16x4_s(group), mask, factor), d1 = widenHalf(v128.load16x4_s(group, 8), mask, factor)
    for (let i: usize = 0; i < 256; i += 16) {
      const q = v128.xor(v128.load(group + i, 16), sign)
      v128.store(panel + i, v128.and(i16x8.shr_u(q, 1), seven))
    }
    v128.store(panel, d0, 256); v128.store(panel, d1, 272)
    v128.store(panel, d0, 288); v128.store(panel, d1, 304)
    group += 272
  }
}

/** Rounding of f32 that the errors make up for, see `bounds.ts`: a share of themselves, and of what is multiplied. */
const OF_ERROR: f32 = 1 + 1 / 1024
const OF_PRODUCT: f32 = 1 / 16384

/** Four tokens of i16 in pairs (`TILE16`), 4 k at a time: columns 0 and 1 of each token, and 2 and 3. */
@inline function firstTwo(a: v128, b: v128): v128 { return v128.shuffle<u16>(a, b, 0, 8, 2, 10, 4, 12, 6, 14) }
@inline function lastTwo(a: v128, b: v128): v128 { return v128.shuffle<u16>(a, b, 1, 9, 3, 11, 5, 13, 7, 15) }
/** For four tokens, of whose values [0 0 1 1] and [2 2 3 3] are the lanes: the two lanes of each, added. */
@inline function addTwins(a: v128, b: v128): v128 {
  return f32x4.add(v128.shuffle<u32>(a, b, 0, 2, 4, 6), v128.shuffle<u32>(a, b, 1, 3, 5, 7))
}
@inline function lowFloats(v: v128): v128 { return f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(v)) }
@inline function highFloats(v: v128): v128 { return f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(v)) }
@inline function dot(a: v128, b: v128): v128 { return i32x4.dot_i16x8_s(a, b) }

/**
 * A tile of i16 (`TILE16`) to one of y, laid out as those of int8 (`TILE8`), and for each block the errors: f32[4
 * tokens] E, then F.
 */
export function packHalves<D>(shorts: usize, cols: i32, tile: usize, errors: usize): void {
  for (let end = shorts + 2 * TILE * cols; shorts < end; shorts += 256) {
    let first = i32x4.splat(0), last = first
    for (let i: usize = 0; i < 256; i += 32) {
      const a = v128.load(shorts + i), b = v128.load(shorts + i, 16)
      const u = firstTwo(a, b), v = lastTwo(a, b)
      first = i32x4.add(first, dot(u, u))
      last = i32x4.add(last, dot(v, v))
    }
    const size = f32x4.sqrt(f32x4.convert_i32x4_s(i32x4.max_s(first, last)))
    const step = f32x4.mul(size, f32x4.splat(1 / 125.5))
    const inverse = v128.and(f32x4.div(f32x4.splat(1), step), f32x4.gt(step, f32x4.splat(0)))
    const s0 = v128.shuffle<u32>(step, step, 0, 0, 1, 1), s1 = v128.shuffle<u32>(step, step, 2, 2, 3, 3)
    const i0 = v128.shuffle<u32>(inverse, inverse, 0, 0, 1, 1), i1 = v128.shuffle<u32>(inverse, inverse, 2, 2, 3, 3)
    let pairs = i16x8.splat(0), sizes = pairs, rest0 = f32x4.splat(0), rest1 = rest0
    for (let i: usize = 0; i < 256; i += 32) {
      const a = v128.load(shorts + i), b = v128.load(shorts + i, 16)
      const u = firstTwo(a, b), v = lastTwo(a, b)
      const u0 = lowFloats(u), u1 = highFloats(u), v0 = lowFloats(v), v1 = highFloats(v)
      const yu0 = roundToInt(f32x4.mul(u0, i0)), yu1 = roundToInt(f32x4.mul(u1, i1))
      const yv0 = roundToInt(f32x4.mul(v0, i0)), yv1 = roundToInt(f32x4.mul(v1, i1))
      rest0 = addSquare(addSquare(rest0, u0, yu0, s0), v0, yv0, s0)
      rest1 = addSquare(addSquare(rest1, u1, yu1, s1), v1, yv1, s1)
      const bytes = i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(yu0, yu1), i16x8.narrow_i32x4_s(yv0, yv1))
      const y = v128.shuffle<u16>(bytes, bytes, 0, 4, 1, 5, 2, 6, 3, 7)
      v128.store(tile, y)
      tile += 16
      pairs = i16x8.add(pairs, i16x8.extadd_pairwise_i8x16_s(y))
      sizes = i16x8.add(sizes, i16x8.extadd_pairwise_i8x16_u(i8x16.abs(y)))
    }
    const half = f32x4.mul(step, f32x4.splat(0.5))
    v128.store(tile, scaledSum<D>(pairs, -64))
    v128.store(tile, f32x4.add(step, step), 16)
    v128.store(tile, f32x4.mul(half, f32x4.convert_i32x4_s(i32x4.extadd_pairwise_i16x8_s(pairs))), 32)
    tile += 48
    const e = f32x4.mul(half, f32x4.convert_i32x4_s(i32x4.extadd_pairwise_i16x8_u(sizes)))
    const all = f32x4.sqrt(f32x4.add(f32x4.convert_i32x4_s(first), f32x4.convert_i32x4_s(last)))
    const f = f32x4.mul(f32x4.sqrt(addTwins(rest0, rest1)), f32x4.splat(OF_ERROR))
    v128.store(errors, f32x4.mul(e, f32x4.splat(OF_ERROR)))
    v128.store(errors, f32x4.add(f, f32x4.mul(all, f32x4.splat(OF_PRODUCT))), 16)
    errors += HALVES_ERRORS
  }
}

/** sum + (v - step · y)² */
@inline function addSquare(sum: v128, v: v128, y: v128, step: v128): v128 {
  const rest = f32x4.sub(v, f32x4.mul(step, f32x4.convert_i32x4_s(y)))
  return f32x4.add(sum, f32x4.mul(rest, rest))
}
