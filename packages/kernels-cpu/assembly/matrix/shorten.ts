import { halfFactor, halfMask } from '../lib/half'
import { F16, F32 } from '../lib/layout'
import { madd, put4, roundToInt } from '../lib/simd'
import { Brain, firstRows, Half, lastRows, rowBytes, Single } from './floats'

/*
 * Float weights as 13-bit integers with a sign, a scale for 64 columns of a row or what is left of them: i16 [columns/2 pairs][8 rows][2],
 * then f32[8] scales. With the activations of `pack16` a fold's sums fit in an i32: 64 · 8191 · 4095 < 2³¹.
 */
const FOLD = 64
const LEVEL: f32 = 4095

/** `cols` is a multiple of 16. */
export function shorten(type: i32, group: usize, cols: i32, panel: usize): void {
  if (type == F32) shortenAs<Single>(group, cols, panel)
  else if (type == F16) shortenAs<Half>(group, cols, panel)
  else shortenAs<Brain>(group, cols, panel)
}

function shortenAs<W>(group: usize, cols: i32, panel: usize): void {
  const mask = halfMask(), factor = halfFactor(), none = f32x4.splat(0), most = f32x4.splat(LEVEL)
  for (const end = group + <usize>cols * rowBytes<W>(); group < end; panel += 32) {
    const last = min(group + FOLD * rowBytes<W>(), end)
    largest<W>(group, last, panel)
    const m0 = firstRows<W>(panel, mask, factor), m1 = lastRows<W>(panel, mask, factor)
    const i0 = v128.and(f32x4.div(most, m0), f32x4.gt(m0, none)), i1 = v128.and(f32x4.div(most, m1), f32x4.gt(m1, none))
    for (; group < last; group += 4 * rowBytes<W>(), panel += 64) {
      const k1 = group + rowBytes<W>(), k2 = k1 + rowBytes<W>(), k3 = k2 + rowBytes<W>()
      v128.store(panel, pairsOf(firstRows<W>(group, mask, factor), firstRows<W>(k2, mask, factor), i0))
      v128.store(panel, pairsOf(lastRows<W>(group, mask, factor), lastRows<W>(k2, mask, factor), i1), 16)
      v128.store(panel, pairsOf(firstRows<W>(k1, mask, factor), firstRows<W>(k3, mask, factor), i0), 32)
      v128.store(panel, pairsOf(lastRows<W>(k1, mask, factor), lastRows<W>(k3, mask, factor), i1), 48)
    }
    v128.store(panel, f32x4.div(m0, most))
    v128.store(panel, f32x4.div(m1, most), 16)
  }
}

/** The largest magnitude of each row, as the type has it, to `to`. Magnitudes of 16 bits are in the order of their bits. */
@inline function largest<W>(at: usize, last: usize, to: usize): void {
  if (rowBytes<W>() == 16) {
    const sign = i16x8.splat(0x7fff)
    let m = i16x8.splat(0)
    for (; at < last; at += 16) m = i16x8.max_u(m, v128.and(v128.load(at), sign))
    v128.store(to, m)
    return
  }
  let m0 = f32x4.splat(0), m1 = m0
  for (; at < last; at += 32) {
    m0 = f32x4.pmax(m0, f32x4.abs(v128.load(at)))
    m1 = f32x4.pmax(m1, f32x4.abs(v128.load(at, 16)))
  }
  v128.store(to, m0)
  v128.store(to, m1, 16)
}

/** i16 [4 rows][2] of two columns times `inverse`. */
@inline function pairsOf(a: v128, b: v128, inverse: v128): v128 {
  const low = roundToInt(f32x4.mul(a, inverse)), high = roundToInt(f32x4.mul(b, inverse))
  return v128.or(v128.and(low, i32x4.splat(0xffff)), i32x4.shl(high, 16))
}

@inline function dot(a: v128, w: v128): v128 { return i32x4.dot_i16x8_s(a, w) }

/** out[4 tokens][8 rows] = tile · panelᵀ, of a tile of `pack16`; tokens are `stride` bytes apart. */
export function shortened4(panel: usize, tile: usize, cols: i32, out: usize, stride: usize): void {
  const end = tile + 8 * cols, scales = tile + 9 * cols
  let f00 = f32x4.splat(0), f01 = f00, f10 = f00, f11 = f00, f20 = f00, f21 = f00, f30 = f00, f31 = f00
  while (tile < end) {
    let a00 = i32x4.splat(0), a01 = a00, a10 = a00, a11 = a00, a20 = a00, a21 = a00, a30 = a00, a31 = a00
    for (const last = min(tile + 8 * FOLD, end); tile < last; tile += 16, panel += 32) {
      const w0 = v128.load(panel), w1 = v128.load(panel, 16)
      let t = v128.load32_splat(tile)
      a00 = i32x4.add(a00, dot(t, w0)); a01 = i32x4.add(a01, dot(t, w1))
      t = v128.load32_splat(tile, 4)
      a10 = i32x4.add(a10, dot(t, w0)); a11 = i32x4.add(a11, dot(t, w1))
      t = v128.load32_splat(tile, 8)
      a20 = i32x4.add(a20, dot(t, w0)); a21 = i32x4.add(a21, dot(t, w1))
      t = v128.load32_splat(tile, 12)
      a30 = i32x4.add(a30, dot(t, w0)); a31 = i32x4.add(a31, dot(t, w1))
    }
    const d0 = v128.load(panel), d1 = v128.load(panel, 16)
    f00 = madd(f32x4.convert_i32x4_s(a00), d0, f00); f01 = madd(f32x4.convert_i32x4_s(a01), d1, f01)
    f10 = madd(f32x4.convert_i32x4_s(a10), d0, f10); f11 = madd(f32x4.convert_i32x4_s(a11), d1, f11)
    f20 = madd(f32x4.convert_i32x4_s(a20), d0, f20); f21 = madd(f32x4.convert_i32x4_s(a21), d1, f21)
    f30 = madd(f32x4.convert_i32x4_s(a30), d0, f30); f31 = madd(f32x4.convert_i32x4_s(a31), d1, f31)
    panel += 32
  }
  put4(f00, f01, f10, f11, f20, f21, f30, f31, scales, out, stride)
}
