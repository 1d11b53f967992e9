import { widenHalf } from '../lib/half'
import { madd } from '../lib/simd'

/*
 * One token straight from the stored group: at decode there is nothing to reuse a panel for. Each kernel does the operations of
 * its `gemm*x1` in the same order, so the results are the same bits.
 */

/** Q8_0 with i16 activations. */
export function rowQ80(group: usize, tile: usize, cols: i32, out: usize): void {
  const end = tile + 8 * cols
  let f0 = f32x4.splat(0), f1 = f0
  while (tile < end) {
    let a0 = i32x4.splat(0), a1 = a0
    const last = tile + 256
    while (tile < last) {
      const w = v128.load(group)
      const t = v128.load32_splat(tile)
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(t, i16x8.extend_low_i8x16_s(w)))
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(t, i16x8.extend_high_i8x16_s(w)))
      group += 16
      tile += 16
    }
    const d = v128.load(group)
    f0 = madd(f32x4.convert_i32x4_s(a0), widenHalf(i32x4.extend_low_i16x8_u(d)), f0)
    f1 = madd(f32x4.convert_i32x4_s(a1), widenHalf(i32x4.extend_high_i16x8_u(d)), f1)
    group += 16
  }
  const q = v128.load32_splat(tile + cols / 2)
  v128.store(out, f32x4.mul(f0, q))
  v128.store(out, f32x4.mul(f1, q), 16)
}
