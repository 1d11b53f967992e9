import { halfFactor, halfMask, widenHalf } from '../lib/half'
import { sumsQuads } from '../lib/layout'
import { lane0, lane1, lane2, lane3, madd, maximaOf, roundToShorts } from '../lib/simd'

/*
 * Q8_0 weights times activations of 7 bits, a scale for 32 columns of both. int8 products have one operand of 7 bits: here it is the
 * activation, as an unsigned byte that counts from ZERO, so that weights keep all 8 and are multiplied as they are stored,
 * [header f16[8]][8 steps][8 rows][4 k] a block. Two products fit in an i16: 2 · 127 · 128 < 2¹⁵.
 *
 * Sums of FOLD columns are of 16 bits, too, though such products may pass them on the way: they wrap, and what the zero point adds is
 * taken off where they begin. Their ends fit, for of each EIGHT columns that share a lane weights have a norm of at most √8 · 128 and
 * levels of activations one of NORM + √8 / 2, half a step being rounding's; so the sum is at most 362.04 · 90.42 = 32733 < 2¹⁵ (Cauchy-Schwarz).
 *
 * A block of a tile: u8 [8 steps][4 tokens][4 k], f32[4] scales. A panel is only what the stored group lacks, for each block where sums
 * begin, -ZERO · Σ weights, i16 [2 folds][8 rows][2] or as Quads i32 [2 folds][8 rows]; then f32[8] scales.
 */
const ZERO: i8 = 64
const LEVEL: f32 = 63
const NORM: f32 = 89
const STORED = 272
const HEADER = 16
export const TILE7 = 144
const PANEL7 = 96

/** What a stored group lacks. */
export function complete<D>(group: usize, cols: i32, panel: usize): void {
  const mask = halfMask(), factor = halfFactor(), zero = i16x8.splat(-<i16>ZERO)
  for (const end = panel + (cols / 32) * PANEL7; panel < end; panel += PANEL7, group += STORED) {
    for (let i: usize = 0; i < 64; i += 16) {
      // Of two folds and of each the upper rows and the lower.
      const sums = pairs(group + (i & 32) * 4 + (i & 16))
      v128.store(panel + i, sumsQuads<D>() ? i32x4.dot_i16x8_s(sums, zero) : i16x8.mul(sums, zero))
    }
    v128.store(panel, widenHalf(v128.load16x4_s(group), mask, factor), 64)
    v128.store(panel, widenHalf(v128.load16x4_s(group, 8), mask, factor), 80)
  }
}

/** i16 [4 rows][2]: Σ of a fold's weights. */
@inline function pairs(group: usize): v128 {
  const x = i16x8.add(i16x8.extadd_pairwise_i8x16_s(v128.load(group, HEADER)), i16x8.extadd_pairwise_i8x16_s(v128.load(group, HEADER + 32)))
  const y = i16x8.add(i16x8.extadd_pairwise_i8x16_s(v128.load(group, HEADER + 64)), i16x8.extadd_pairwise_i8x16_s(v128.load(group, HEADER + 96)))
  return i16x8.add(x, y)
}

/** A tile of four tokens; of fewer `rows` it repeats the last one. */
export function pack7(x0: usize, stride: usize, rows: i32, cols: i32, tile: usize): void {
  const x1 = x0 + (rows > 1 ? stride : 0), x2 = x1 + (rows > 2 ? stride : 0), x3 = x2 + (rows > 3 ? stride : 0)
  const none = f32x4.splat(0), zero = i8x16.splat(ZERO)
  for (let at: usize = 0, end: usize = 4 * cols; at < end; tile += 16) {
    const largest = maximaOf(largestOf(x0 + at), largestOf(x1 + at), largestOf(x2 + at), largestOf(x3 + at))
    const least = v128.and(f32x4.div(f32x4.splat(1), largest), f32x4.gt(largest, none))
    const n0 = normsOf(x0 + at, v128.shuffle<u32>(least, least, 0, 0, 0, 0)), n1 = normsOf(x1 + at, v128.shuffle<u32>(least, least, 1, 1, 1, 1))
    const n2 = normsOf(x2 + at, v128.shuffle<u32>(least, least, 2, 2, 2, 2)), n3 = normsOf(x3 + at, v128.shuffle<u32>(least, least, 3, 3, 3, 3))
    const most = f32x4.pmin(f32x4.splat(LEVEL), f32x4.div(f32x4.splat(NORM), f32x4.sqrt(maximaOf(n0, n1, n2, n3))))
    const inverse = f32x4.mul(least, most)
    const i0 = v128.shuffle<u32>(inverse, inverse, 0, 0, 0, 0), i1 = v128.shuffle<u32>(inverse, inverse, 1, 1, 1, 1)
    const i2 = v128.shuffle<u32>(inverse, inverse, 2, 2, 2, 2), i3 = v128.shuffle<u32>(inverse, inverse, 3, 3, 3, 3)
    for (const last = at + 128; at < last; at += 64, tile += 64) {
      const v0 = levels(x0 + at, i0, zero), v1 = levels(x1 + at, i1, zero), v2 = levels(x2 + at, i2, zero), v3 = levels(x3 + at, i3, zero)
      v128.store(tile, lane0(v0, v1, v2, v3)); v128.store(tile, lane1(v0, v1, v2, v3), 16)
      v128.store(tile, lane2(v0, v1, v2, v3), 32); v128.store(tile, lane3(v0, v1, v2, v3), 48)
    }
    v128.store(tile, f32x4.div(largest, most))
  }
}

/** Of 32 columns, in four parts. */
@inline function largestOf(x: usize): v128 {
  let most = f32x4.splat(0)
  for (const end = x + 128; x < end; x += 16) most = f32x4.pmax(most, f32x4.abs(v128.load(x)))
  return most
}

/** The squares of the norms of EIGHT columns each, of which the four parts hold the largest. They are of x times `factor`, at most 1. */
@inline function normsOf(x: usize, factor: v128): v128 {
  let most = f32x4.splat(0)
  for (const end = x + 128; x < end; x += 64) {
    const a = f32x4.mul(v128.load(x), factor), b = f32x4.mul(v128.load(x, 16), factor)
    const c = f32x4.mul(v128.load(x, 32), factor), d = f32x4.mul(v128.load(x, 48), factor)
    const squares = f32x4.add(f32x4.add(f32x4.mul(a, a), f32x4.mul(b, b)), f32x4.add(f32x4.mul(c, c), f32x4.mul(d, d)))
    // Of a step's four columns two share a lane.
    most = f32x4.pmax(most, f32x4.add(squares, v128.shuffle<u32>(squares, squares, 1, 0, 3, 2)))
  }
  return most
}

@inline function levels(x: usize, inverse: v128, zero: v128): v128 {
  return i8x16.add(i8x16.narrow_i16x8_s(roundToShorts(x, inverse), roundToShorts(x + 32, inverse)), zero)
}

/** Adds four products a lane. D: see `lib/layout.ts`. */
@inline function add<D>(sum: v128, weights: v128, activations: v128): v128 {
  if (!ASC_FEATURE_RELAXED_SIMD) return unreachable()
  if (sumsQuads<D>()) return i32x4.relaxed_dot_i8x16_i7x16_add_s(weights, activations, sum)
  return i16x8.add(sum, i16x8.relaxed_dot_i8x16_i7x16_s(weights, activations))
}

/** A fold's sum as i32. */
@inline function widened<D>(sum: v128, ones: v128): v128 { return sumsQuads<D>() ? sum : i32x4.dot_i16x8_s(sum, ones) }

/** out[4 tokens][8 rows] = tile · groupᵀ; tokens are `stride` bytes apart. */
export function gemm7x4<D>(group: usize, panel: usize, tile: usize, cols: i32, out: usize, stride: usize): void {
  const ones = i16x8.splat(1)
  let f00 = f32x4.splat(0), f01 = f00, f10 = f00, f11 = f00, f20 = f00, f21 = f00, f30 = f00, f31 = f00
  for (const end = panel + (cols / 32) * PANEL7; panel < end; panel += PANEL7) {
    group += HEADER
    let a00 = v128.load(panel), a01 = v128.load(panel, 16), a10 = a00, a11 = a01, a20 = a00, a21 = a01, a30 = a00, a31 = a01
    for (const last = group + 128; group < last; tile += 16, group += 32) {
      const w0 = v128.load(group), w1 = v128.load(group, 16)
      let t = v128.load32_splat(tile)
      a00 = add<D>(a00, w0, t); a01 = add<D>(a01, w1, t)
      t = v128.load32_splat(tile, 4)
      a10 = add<D>(a10, w0, t); a11 = add<D>(a11, w1, t)
      t = v128.load32_splat(tile, 8)
      a20 = add<D>(a20, w0, t); a21 = add<D>(a21, w1, t)
      t = v128.load32_splat(tile, 12)
      a30 = add<D>(a30, w0, t); a31 = add<D>(a31, w1, t)
    }
    const s00 = widened<D>(a00, ones), s01 = widened<D>(a01, ones), s10 = widened<D>(a10, ones), s11 = widened<D>(a11, ones)
    const s20 = widened<D>(a20, ones), s21 = widened<D>(a21, ones), s30 = widened<D>(a30, ones), s31 = widened<D>(a31, ones)
    a00 = v128.load(panel, 32); a01 = v128.load(panel, 48); a10 = a00; a11 = a01; a20 = a00; a21 = a01; a30 = a00; a31 = a01
    for (const last = group + 128; group < last; tile += 16, group += 32) {
      const w0 = v128.load(group), w1 = v128.load(group, 16)
      let t = v128.load32_splat(tile)
      a00 = add<D>(a00, w0, t); a01 = add<D>(a01, w1, t)
      t = v128.load32_splat(tile, 4)
      a10 = add<D>(a10, w0, t); a11 = add<D>(a11, w1, t)
      t = v128.load32_splat(tile, 8)
      a20 = add<D>(a20, w0, t); a21 = add<D>(a21, w1, t)
      t = v128.load32_splat(tile, 12)
      a30 = add<D>(a30, w0, t); a31 = add<D>(a31, w1, t)
    }
    const d0 = v128.load(panel, 64), d1 = v128.load(panel, 80)
    let q = v128.load32_splat(tile)
    f00 = scaled(f00, i32x4.add(s00, widened<D>(a00, ones)), d0, q); f01 = scaled(f01, i32x4.add(s01, widened<D>(a01, ones)), d1, q)
    q = v128.load32_splat(tile, 4)
    f10 = scaled(f10, i32x4.add(s10, widened<D>(a10, ones)), d0, q); f11 = scaled(f11, i32x4.add(s11, widened<D>(a11, ones)), d1, q)
    q = v128.load32_splat(tile, 8)
    f20 = scaled(f20, i32x4.add(s20, widened<D>(a20, ones)), d0, q); f21 = scaled(f21, i32x4.add(s21, widened<D>(a21, ones)), d1, q)
    q = v128.load32_splat(tile, 12)
    f30 = scaled(f30, i32x4.add(s30, widened<D>(a30, ones)), d0, q); f31 = scaled(f31, i32x4.add(s31, widened<D>(a31, ones)), d1, q)
    tile += 16
  }
  v128.store(out, f00); v128.store(out, f01, 16)
  out += stride
  v128.store(out, f10); v128.store(out, f11, 16)
  out += stride
  v128.store(out, f20); v128.store(out, f21, 16)
  out += stride
  v128.store(out, f30); v128.store(out, f31, 16)
}

@inline function scaled(sum: v128, products: v128, weight: v128, activation: v128): v128 {
  return madd(f32x4.mul(f32x4.convert_i32x4_s(products), activation), weight, sum)
}
