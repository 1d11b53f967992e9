import { foldColumns, hasMin, panel16Bytes } from '../lib/layout'
import { madd, put4 } from '../lib/simd'

/*
 * i16 activations times i16 weights: types of 8 bits, the plain SIMD build, and whoever asks for precision. i32 sums of
 * a fold cannot overflow: 32 · 8191 · 128 < 2^31. The activations' scale is one a token, so it waits until the end.
 */

@inline function dot(a: v128, w: v128): v128 {
  return i32x4.dot_i16x8_s(a, w)
}

/** Σx of a fold's columns in every lane, as f32: exact, it is below 2^24. */
@inline export function foldSum<F>(sums: usize, step: usize): v128 {
  const first = v128.load32_splat(sums)
  return f32x4.convert_i32x4_s(foldColumns<F>() == 16 ? first : i32x4.add(first, v128.load32_splat(sums + step)))
}

/** out[4 tokens][8 rows] = tile · panelᵀ; tokens are `stride` bytes apart. */
export function gemm16x4<F>(panel: usize, tile: usize, cols: i32, out: usize, stride: usize): void {
  const end = panel + (cols / foldColumns<F>()) * panel16Bytes<F>()
  let sums = tile + 8 * cols
  let f00 = f32x4.splat(0), f01 = f00, f10 = f00, f11 = f00, f20 = f00, f21 = f00, f30 = f00, f31 = f00
  while (panel < end) {
    let a00 = i32x4.splat(0), a01 = a00, a10 = a00, a11 = a00, a20 = a00, a21 = a00, a30 = a00, a31 = a00
    for (let k = 0; k < foldColumns<F>(); k += 2) {
      const w0 = v128.load(panel), w1 = v128.load(panel, 16)
      let t = v128.load32_splat(tile)
      a00 = i32x4.add(a00, dot(t, w0)); a01 = i32x4.add(a01, dot(t, w1))
      t = v128.load32_splat(tile, 4)
      a10 = i32x4.add(a10, dot(t, w0)); a11 = i32x4.add(a11, dot(t, w1))
      t = v128.load32_splat(tile, 8)
      a20 = i32x4.add(a20, dot(t, w0)); a21 = i32x4.add(a21, dot(t, w1))
      t = v128.load32_splat(tile, 12)
      a30 = i32x4.add(a30, dot(t, w0)); a31 = i32x4.add(a31, dot(t, w1))
      panel += 32
      tile += 16
    }
    const d0 = v128.load(panel), d1 = v128.load(panel, 16)
    f00 = madd(f32x4.convert_i32x4_s(a00), d0, f00); f01 = madd(f32x4.convert_i32x4_s(a01), d1, f01)
    f10 = madd(f32x4.convert_i32x4_s(a10), d0, f10); f11 = madd(f32x4.convert_i32x4_s(a11), d1, f11)
    f20 = madd(f32x4.convert_i32x4_s(a20), d0, f20); f21 = madd(f32x4.convert_i32x4_s(a21), d1, f21)
    f30 = madd(f32x4.convert_i32x4_s(a30), d0, f30); f31 = madd(f32x4.convert_i32x4_s(a31), d1, f31)
    if (hasMin<F>()) {
      const m0 = v128.load(panel, 32), m1 = v128.load(panel, 48)
      let q = foldSum<F>(sums, 16)
      f00 = madd(q, m0, f00); f01 = madd(q, m1, f01)
      q = foldSum<F>(sums + 4, 16)
      f10 = madd(q, m0, f10); f11 = madd(q, m1, f11)
      q = foldSum<F>(sums + 8, 16)
      f20 = madd(q, m0, f20); f21 = madd(q, m1, f21)
      q = foldSum<F>(sums + 12, 16)
      f30 = madd(q, m0, f30); f31 = madd(q, m1, f31)
    }
    sums += foldColumns<F>()
    panel += panel16Bytes<F>() - 16 * foldColumns<F>()
  }
  put4(f00, f01, f10, f11, f20, f21, f30, f31, sums, out, stride)
}
