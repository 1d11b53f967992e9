import { halfFactor, halfMask, widenHalf } from '../lib/half'
import { traits } from '../lib/layout'
import { madd, put4 } from '../lib/simd'

/*
 * i16 times i16 or i8: attention over caches of 16 bits and of 8. A block of 8 keys, or 8 columns of the values, has the layout of a
 * panel.
 */

// How a panel holds its numbers, eight of them a load. Compile-time arguments, never made.
export class Words {
  @inline load(panel: usize): v128 { return v128.load(panel) }
  @inline bytes(): i32 { return 16 }
}
export class Bytes {
  @inline load(panel: usize): v128 { return v128.load8x8_s(panel) }
  @inline bytes(): i32 { return 8 }
}

@inline function dot(a: v128, w: v128): v128 {
  return i32x4.dot_i16x8_s(a, w)
}

/**
 * out[4 tokens][8 rows] = scales[token] · Σ tile · panelᵀ; tokens are `stride` bytes apart in `out`.
 * panel P [pairs][8 rows][2], tile i16 [pairs][4 tokens][2], scales f32[4]. The caller sees to it that `fold` pairs fit in an i32;
 * their sums are added as f32.
 */
export function dot16x4<P>(panel: usize, tile: usize, pairs: i32, fold: i32, scales: usize, out: usize, stride: usize): void {
  const end = tile + 16 * pairs
  let f00 = f32x4.splat(0), f01 = f00, f10 = f00, f11 = f00, f20 = f00, f21 = f00, f30 = f00, f31 = f00
  while (tile < end) {
    const last = min(tile + 16 * fold, end)
    let a00 = i32x4.splat(0), a01 = a00, a10 = a00, a11 = a00, a20 = a00, a21 = a00, a30 = a00, a31 = a00
    while (tile < last) {
      const w0 = traits<P>().load(panel), w1 = traits<P>().load(panel + traits<P>().bytes())
      let t = v128.load32_splat(tile)
      a00 = i32x4.add(a00, dot(t, w0)); a01 = i32x4.add(a01, dot(t, w1))
      t = v128.load32_splat(tile, 4)
      a10 = i32x4.add(a10, dot(t, w0)); a11 = i32x4.add(a11, dot(t, w1))
      t = v128.load32_splat(tile, 8)
      a20 = i32x4.add(a20, dot(t, w0)); a21 = i32x4.add(a21, dot(t, w1))
      t = v128.load32_splat(tile, 12)
      a30 = i32x4.add(a30, dot(t, w0)); a31 = i32x4.add(a31, dot(t, w1))
      panel += 2 * traits<P>().bytes()
      tile += 16
    }
    f00 = f32x4.add(f00, f32x4.convert_i32x4_s(a00)); f01 = f32x4.add(f01, f32x4.convert_i32x4_s(a01))
    f10 = f32x4.add(f10, f32x4.convert_i32x4_s(a10)); f11 = f32x4.add(f11, f32x4.convert_i32x4_s(a11))
    f20 = f32x4.add(f20, f32x4.convert_i32x4_s(a20)); f21 = f32x4.add(f21, f32x4.convert_i32x4_s(a21))
    f30 = f32x4.add(f30, f32x4.convert_i32x4_s(a30)); f31 = f32x4.add(f31, f32x4.convert_i32x4_s(a31))
  }
  put4(f00, f01, f10, f11, f20, f21, f30, f31, scales, out, stride)
}

/** Pairs that share a scale in q8_0. */
const PAIRS = 16

/**
 * The same where the 8 rows have an f16 scale each for every 16 pairs: out[4 tokens][8 rows] = scales[token] · Σ tile · panelᵀ · rowScales.
 * panel i8 [pairs][8 rows][2], rowScales f16 [pairs/16][8 rows]
 */
export function dotBlocks(panel: usize, rowScales: usize, tile: usize, pairs: i32, scales: usize, out: usize, stride: usize): void {
  const end = tile + 16 * pairs, mask = halfMask(), factor = halfFactor()
  let f00 = f32x4.splat(0), f01 = f00, f10 = f00, f11 = f00, f20 = f00, f21 = f00, f30 = f00, f31 = f00
  while (tile < end) {
    const last = tile + 16 * PAIRS
    let a00 = i32x4.splat(0), a01 = a00, a10 = a00, a11 = a00, a20 = a00, a21 = a00, a30 = a00, a31 = a00
    while (tile < last) {
      const w0 = v128.load8x8_s(panel), w1 = v128.load8x8_s(panel, 8)
      let t = v128.load32_splat(tile)
      a00 = i32x4.add(a00, dot(t, w0)); a01 = i32x4.add(a01, dot(t, w1))
      t = v128.load32_splat(tile, 4)
      a10 = i32x4.add(a10, dot(t, w0)); a11 = i32x4.add(a11, dot(t, w1))
      t = v128.load32_splat(tile, 8)
      a20 = i32x4.add(a20, dot(t, w0)); a21 = i32x4.add(a21, dot(t, w1))
      t = v128.load32_splat(tile, 12)
      a30 = i32x4.add(a30, dot(t, w0)); a31 = i32x4.add(a31, dot(t, w1))
      panel += 16
      tile += 16
    }
    const s0 = widenHalf(v128.load16x4_s(rowScales), mask, factor), s1 = widenHalf(v128.load16x4_s(rowScales, 8), mask, factor)
    rowScales += 16
    f00 = madd(f32x4.convert_i32x4_s(a00), s0, f00); f01 = madd(f32x4.convert_i32x4_s(a01), s1, f01)
    f10 = madd(f32x4.convert_i32x4_s(a10), s0, f10); f11 = madd(f32x4.convert_i32x4_s(a11), s1, f11)
    f20 = madd(f32x4.convert_i32x4_s(a20), s0, f20); f21 = madd(f32x4.convert_i32x4_s(a21), s1, f21)
    f30 = madd(f32x4.convert_i32x4_s(a30), s0, f30); f31 = madd(f32x4.convert_i32x4_s(a31), s1, f31)
  }
  put4(f00, f01, f10, f11, f20, f21, f30, f31, scales, out, stride)
}
