import { foldColumns, hasMin, panel8Bytes, zeroLevel } from '../lib/layout'
import { addProducts, endSum, madd } from '../lib/simd'

/*
 * int8 activations times weights of up to 6 bits, f32 out. Accumulators start at -zeroLevel · Σx, which the tile brings:
 * the zero point costs a load. Those of i16 may wrap on the way, harmlessly, because their final value fits:
 * |q - zero| · 127 · products a lane is at most 32512 (5 bits: 16 · 127 · 16, Q6_K: 32 · 127 · 8, Q4_1 and Q4_K:
 * 15 · 127 · 16). The k loop is rolled on purpose: V8 keeps the order it is given, and 8 accumulators, 2 weights,
 * 1 activation and 1 product are the registers there are.
 */

@inline function start<F>(sum: usize): v128 {
  return zeroLevel<F>() == 0 ? i32x4.splat(0) : v128.load32_splat(sum)
}

/** out[4 tokens][8 rows] = tile · panelᵀ; tokens are `stride` bytes apart. F: how the type folds (`lib/layout.ts`). */
export function gemm8x4<F, D>(panel: usize, tile: usize, cols: i32, out: usize, stride: usize): void {
  const ones = i16x8.splat(1)
  const end = panel + (cols / foldColumns<F>()) * panel8Bytes<F>()
  let f00 = f32x4.splat(0), f01 = f00, f10 = f00, f11 = f00, f20 = f00, f21 = f00, f30 = f00, f31 = f00
  while (panel < end) {
    const sums = tile + 4 * foldColumns<F>()
    let a00 = start<F>(sums), a01 = a00
    let a10 = start<F>(sums + 4), a11 = a10
    let a20 = start<F>(sums + 8), a21 = a20
    let a30 = start<F>(sums + 12), a31 = a30
    for (let k = 0; k < foldColumns<F>(); k += 4) {
      const w0 = v128.load(panel), w1 = v128.load(panel, 16)
      let t = v128.load32_splat(tile)
      a00 = addProducts<D>(a00, t, w0); a01 = addProducts<D>(a01, t, w1)
      t = v128.load32_splat(tile, 4)
      a10 = addProducts<D>(a10, t, w0); a11 = addProducts<D>(a11, t, w1)
      t = v128.load32_splat(tile, 8)
      a20 = addProducts<D>(a20, t, w0); a21 = addProducts<D>(a21, t, w1)
      t = v128.load32_splat(tile, 12)
      a30 = addProducts<D>(a30, t, w0); a31 = addProducts<D>(a31, t, w1)
      panel += 32
      tile += 16
    }
    const d0 = v128.load(panel), d1 = v128.load(panel, 16)
    let q = v128.load32_splat(tile, 16)
    f00 = madd(f32x4.mul(endSum<D>(a00, ones), q), d0, f00); f01 = madd(f32x4.mul(endSum<D>(a01, ones), q), d1, f01)
    q = v128.load32_splat(tile, 20)
    f10 = madd(f32x4.mul(endSum<D>(a10, ones), q), d0, f10); f11 = madd(f32x4.mul(endSum<D>(a11, ones), q), d1, f11)
    q = v128.load32_splat(tile, 24)
    f20 = madd(f32x4.mul(endSum<D>(a20, ones), q), d0, f20); f21 = madd(f32x4.mul(endSum<D>(a21, ones), q), d1, f21)
    q = v128.load32_splat(tile, 28)
    f30 = madd(f32x4.mul(endSum<D>(a30, ones), q), d0, f30); f31 = madd(f32x4.mul(endSum<D>(a31, ones), q), d1, f31)
    if (hasMin<F>()) {
      const m0 = v128.load(panel, 32), m1 = v128.load(panel, 48)
      q = v128.load32_splat(tile, 32)
      f00 = madd(q, m0, f00); f01 = madd(q, m1, f01)
      q = v128.load32_splat(tile, 36)
      f10 = madd(q, m0, f10); f11 = madd(q, m1, f11)
      q = v128.load32_splat(tile, 40)
      f20 = madd(q, m0, f20); f21 = madd(q, m1, f21)
      q = v128.load32_splat(tile, 44)
      f30 = madd(q, m0, f30); f31 = madd(q, m1, f31)
    }
    panel += panel8Bytes<F>() - 8 * foldColumns<F>()
    tile += 48
  }
  v128.store(out, f00); v128.store(out, f01, 16)
  out += stride
  v128.store(out, f10); v128.store(out, f11, 16)
  out += stride
  v128.store(out, f20); v128.store(out, f21, 16)
  out += stride
  v128.store(out, f30); v128.store(out, f31, 16)
}
