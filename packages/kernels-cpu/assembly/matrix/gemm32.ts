import { madd } from '../lib/simd'

/*
 * f32 times f32. Besides float weights and exact products this is attention: a block of 8 keys, or 8 columns of the values,
 * has the layout of a panel.
 */

/** out[4 tokens][8 rows] = Σ_k tile[k][token] · panel[k][row]; tokens are `stride` bytes apart. */
export function gemm32x4(panel: usize, tile: usize, depth: i32, out: usize, stride: usize): void {
  const end = tile + 16 * depth
  let f00 = f32x4.splat(0), f01 = f00, f10 = f00, f11 = f00, f20 = f00, f21 = f00, f30 = f00, f31 = f00
  while (tile < end) {
    const w0 = v128.load(panel), w1 = v128.load(panel, 16)
    let t = v128.load32_splat(tile)
    f00 = madd(t, w0, f00); f01 = madd(t, w1, f01)
    t = v128.load32_splat(tile, 4)
    f10 = madd(t, w0, f10); f11 = madd(t, w1, f11)
    t = v128.load32_splat(tile, 8)
    f20 = madd(t, w0, f20); f21 = madd(t, w1, f21)
    t = v128.load32_splat(tile, 12)
    f30 = madd(t, w0, f30); f31 = madd(t, w1, f31)
    panel += 32
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

/** As {@link gemm32x4} for the tile's first token. */
export function gemm32x1(panel: usize, tile: usize, depth: i32, out: usize): void {
  const end = tile + 16 * depth
  let f0 = f32x4.splat(0), f1 = f0
  while (tile < end) {
    const t = v128.load32_splat(tile)
    f0 = madd(t, v128.load(panel), f0)
    f1 = madd(t, v128.load(panel, 16), f1)
    panel += 32
    tile += 16
  }
  v128.store(out, f0)
  v128.store(out, f1, 16)
}
