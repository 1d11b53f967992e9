import { halfFactor, halfMask, widenHalf } from '../lib/half'
import { sumsQuads } from '../lib/layout'
import { lane0, lane1, lane2, lane3, madd, maximaOf, roundToShorts } from '../lib/simd'

/*
 * Q8_0 weights times activations of 7 bits, a scale for 32 columns of both. int8 products have one operand of 7 bits: here it is the
 * activation, as an unsigned byte that counts from ZERO, so that weights keep all 8 and are multiplied as they are stored,
 * [header f16[8]][8 steps][8 rows][4 k] a block. Two products fit in an i16: 2 · 127 · 128 < 2¹⁵.
 *
 * A block of a tile: u8 [8 steps][4 tokens][4 k], f32[4] scales. A panel is only what the stored group lacks, for each block: i32[8]
 * -ZERO · Σ weights, where sums begin, and f32[8] scales.
 */
const ZERO: i8 = 64
const LEVEL: f32 = 63
const STORED = 272
const HEADER = 16
export const TILE7 = 144
const PANEL7 = 64

/** What a stored group lacks. */
export function complete(group: usize, cols: i32, panel: usize): void {
  const mask = halfMask(), factor = halfFactor(), zero = i16x8.splat(-<i16>ZERO)
  for (const end = panel + (cols / 32) * PANEL7; panel < end; panel += PANEL7, group += STORED) {
    let s0 = i16x8.splat(0), s1 = s0
    for (let at = group + HEADER, last = group + STORED; at < last; at += 32) {
      s0 = i16x8.add(s0, i16x8.extadd_pairwise_i8x16_s(v128.load(at)))
      s1 = i16x8.add(s1, i16x8.extadd_pairwise_i8x16_s(v128.load(at, 16)))
    }
    v128.store(panel, i32x4.dot_i16x8_s(s0, zero)); v128.store(panel, i32x4.dot_i16x8_s(s1, zero), 16)
    v128.store(panel, widenHalf(v128.load16x4_s(group), mask, factor), 32)
    v128.store(panel, widenHalf(v128.load16x4_s(group, 8), mask, factor), 48)
  }
}

/** A tile of four tokens; of fewer `rows` it repeats the last one. */
export function pack7(x0: usize, stride: usize, rows: i32, cols: i32, tile: usize): void {
  const x1 = x0 + (rows > 1 ? stride : 0), x2 = x1 + (rows > 2 ? stride : 0), x3 = x2 + (rows > 3 ? stride : 0)
  const most = f32x4.splat(LEVEL), none = f32x4.splat(0), zero = i8x16.splat(ZERO)
  for (let at: usize = 0, end: usize = 4 * cols; at < end; tile += 16) {
    let m0 = none, m1 = none, m2 = none, m3 = none
    const last = at + 128
    for (let i = at; i < last; i += 16) {
      m0 = f32x4.pmax(m0, f32x4.abs(v128.load(x0 + i))); m1 = f32x4.pmax(m1, f32x4.abs(v128.load(x1 + i)))
      m2 = f32x4.pmax(m2, f32x4.abs(v128.load(x2 + i))); m3 = f32x4.pmax(m3, f32x4.abs(v128.load(x3 + i)))
    }
    const largest = maximaOf(m0, m1, m2, m3)
    const inverse = v128.and(f32x4.div(most, largest), f32x4.gt(largest, none))
    const i0 = v128.shuffle<u32>(inverse, inverse, 0, 0, 0, 0), i1 = v128.shuffle<u32>(inverse, inverse, 1, 1, 1, 1)
    const i2 = v128.shuffle<u32>(inverse, inverse, 2, 2, 2, 2), i3 = v128.shuffle<u32>(inverse, inverse, 3, 3, 3, 3)
    for (; at < last; at += 64, tile += 64) {
      const v0 = levels(x0 + at, i0, zero), v1 = levels(x1 + at, i1, zero), v2 = levels(x2 + at, i2, zero), v3 = levels(x3 + at, i3, zero)
      v128.store(tile, lane0(v0, v1, v2, v3)); v128.store(tile, lane1(v0, v1, v2, v3), 16)
      v128.store(tile, lane2(v0, v1, v2, v3), 32); v128.store(tile, lane3(v0, v1, v2, v3), 48)
    }
    v128.store(tile, f32x4.div(largest, most))
  }
}

@inline function levels(x: usize, inverse: v128, zero: v128): v128 {
  return i8x16.add(i8x16.narrow_i16x8_s(roundToShorts(x, inverse), roundToShorts(x + 32, inverse)), zero)
}

/** Adds four products a lane. D: see `lib/layout.ts`. */
@inline function add<D>(sum: v128, weights: v128, activations: v128, ones: v128): v128 {
  if (!ASC_FEATURE_RELAXED_SIMD) return unreachable()
  if (sumsQuads<D>()) return i32x4.relaxed_dot_i8x16_i7x16_add_s(weights, activations, sum)
  return i32x4.add(sum, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(weights, activations), ones))
}

/** out[4 tokens][8 rows] = tile · groupᵀ; tokens are `stride` bytes apart. */
export function gemm7x4<D>(group: usize, panel: usize, tile: usize, cols: i32, out: usize, stride: usize): void {
  const ones = i16x8.splat(1)
  let f00 = f32x4.splat(0), f01 = f00, f10 = f00, f11 = f00, f20 = f00, f21 = f00, f30 = f00, f31 = f00
  for (const end = panel + (cols / 32) * PANEL7; panel < end; panel += PANEL7) {
    let a00 = v128.load(panel), a01 = v128.load(panel, 16), a10 = a00, a11 = a01, a20 = a00, a21 = a01, a30 = a00, a31 = a01
    group += HEADER
    for (const last = tile + 128; tile < last; tile += 16, group += 32) {
      const w0 = v128.load(group), w1 = v128.load(group, 16)
      let t = v128.load32_splat(tile)
      a00 = add<D>(a00, w0, t, ones); a01 = add<D>(a01, w1, t, ones)
      t = v128.load32_splat(tile, 4)
      a10 = add<D>(a10, w0, t, ones); a11 = add<D>(a11, w1, t, ones)
      t = v128.load32_splat(tile, 8)
      a20 = add<D>(a20, w0, t, ones); a21 = add<D>(a21, w1, t, ones)
      t = v128.load32_splat(tile, 12)
      a30 = add<D>(a30, w0, t, ones); a31 = add<D>(a31, w1, t, ones)
    }
    const d0 = v128.load(panel, 32), d1 = v128.load(panel, 48)
    let q = v128.load32_splat(tile)
    f00 = scaled(f00, a00, d0, q); f01 = scaled(f01, a01, d1, q)
    q = v128.load32_splat(tile, 4)
    f10 = scaled(f10, a10, d0, q); f11 = scaled(f11, a11, d1, q)
    q = v128.load32_splat(tile, 8)
    f20 = scaled(f20, a20, d0, q); f21 = scaled(f21, a21, d1, q)
    q = v128.load32_splat(tile, 12)
    f30 = scaled(f30, a30, d0, q); f31 = scaled(f31, a31, d1, q)
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
