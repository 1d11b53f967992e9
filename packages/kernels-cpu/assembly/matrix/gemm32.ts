import { halfFactor, halfMask } from '../lib/half'
import { madd } from '../lib/simd'
import { firstRows, lastRows, rowBytes } from './floats'

/*
 * f32 times f32. Besides float weights and exact products this is attention over an f32 cache: a block of 8 keys, or 8 columns of
 * the values, has the layout of a panel. Even and odd k are summed apart and then added: one token alone has few sums to interleave,
 * and one chain of additions for each would take longer than reading the weights. `depth` is even.
 */

/** out[4 tokens][8 rows] = Σ_k tile[k][token] · panel[k][row]; tokens are `stride` bytes apart. */
export function gemm32x4(panel: usize, tile: usize, depth: i32, out: usize, stride: usize): void {
  const end = tile + 16 * depth
  everySecond(panel, tile, end, out, stride, false)
  everySecond(panel + 32, tile + 16, end, out, stride, true)
}

/** The products of every second k, added to `out` or written there. */
function everySecond(panel: usize, tile: usize, end: usize, out: usize, stride: usize, adds: bool): void {
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
    panel += 64
    tile += 32
  }
  if (adds) {
    f00 = f32x4.add(v128.load(out), f00); f01 = f32x4.add(v128.load(out, 16), f01)
    f10 = f32x4.add(v128.load(out + stride), f10); f11 = f32x4.add(v128.load(out + stride, 16), f11)
    f20 = f32x4.add(v128.load(out + 2 * stride), f20); f21 = f32x4.add(v128.load(out + 2 * stride, 16), f21)
    f30 = f32x4.add(v128.load(out + 3 * stride), f30); f31 = f32x4.add(v128.load(out + 3 * stride, 16), f31)
  }
  v128.store(out, f00); v128.store(out, f01, 16)
  out += stride
  v128.store(out, f10); v128.store(out, f11, 16)
  out += stride
  v128.store(out, f20); v128.store(out, f21, 16)
  out += stride
  v128.store(out, f30); v128.store(out, f31, 16)
}

/**
 * As {@link gemm32x4} for one token, x f32 [depth], with weights of class W of `floats.ts`: a panel, or a group as it is stored.
 */
export function gemm32x1<W>(group: usize, x: usize, depth: i32, out: usize): void {
  const end = x + 4 * depth, mask = halfMask(), factor = halfFactor(), bytes = rowBytes<W>()
  let f0 = f32x4.splat(0), f1 = f0, g0 = f0, g1 = f0
  while (x < end) {
    let t = v128.load32_splat(x)
    f0 = madd(t, firstRows<W>(group, mask, factor), f0)
    f1 = madd(t, lastRows<W>(group, mask, factor), f1)
    t = v128.load32_splat(x, 4)
    g0 = madd(t, firstRows<W>(group + bytes, mask, factor), g0)
    g1 = madd(t, lastRows<W>(group + bytes, mask, factor), g1)
    group += 2 * bytes
    x += 8
  }
  v128.store(out, f32x4.add(f0, g0))
  v128.store(out, f32x4.add(f1, g1), 16)
}
