import { float, int, rowOf, stepPosition, stepSlot, word } from './args'
import { inverseRms, scaleBy } from './norm'

/** angles: frequencies 0 (f32[pairs]), out 1-2 (cos[pairs], sin[pairs]), pairs 3 */
export function angles(args: usize, first: i32, last: i32): void {
  const frequencies = word(args, 0), pairs = int(args, 3)
  for (let r = first; r < last; r++) {
    const position = <f32>stepPosition(r), out = rowOf(args, 1, r)
    for (let j = 0; j < pairs; j++) {
      NativeMath.sincos(<f64>(position * load<f32>(frequencies + 4 * j)))
      store<f32>(out + 4 * j, <f32>NativeMath.sincos_cos)
      store<f32>(out + 4 * (pairs + j), <f32>NativeMath.sincos_sin)
    }
  }
}

function head(x: usize, weight: usize, table: usize, dim: i32, eps: f32): void {
  scaleBy(x, weight, inverseRms(x, dim, eps), dim, x)
  const half: usize = 2 * dim
  for (let i: usize = 0; i < half; i += 16) {
    const a = v128.load(x + i), b = v128.load(x + half + i)
    const cos = v128.load(table + i), sin = v128.load(table + half + i)
    v128.store(x + i, f32x4.sub(f32x4.mul(a, cos), f32x4.mul(b, sin)))
    v128.store(x + half + i, f32x4.add(f32x4.mul(b, cos), f32x4.mul(a, sin)))
  }
}

/** qkNormRope: q 0-1, k 2-3, qNorm 4, kNorm 5, angles 6-7, heads 8, kvHeads 9, headDim 10, eps 11 */
export function qkNormRope(args: usize, first: i32, last: i32): void {
  const dim = int(args, 10), eps = float(args, 11)
  for (let r = first; r < last; r++) {
    const table = rowOf(args, 6, r)
    for (let h = 0; h < int(args, 8); h++) head(rowOf(args, 0, r) + 4 * h * dim, word(args, 4), table, dim, eps)
    for (let h = 0; h < int(args, 9); h++) head(rowOf(args, 2, r) + 4 * h * dim, word(args, 5), table, dim, eps)
  }
}

/**
 * store: k 0-1, v 2-3, keys 4, values 5, cache 6, kvHeads 7, headDim 8, slots 9.
 * keys [kvHeads][slots/8][headDim][8], values [kvHeads][headDim/8][slots][8], both f32: panels of `gemm32`.
 */
export function storeKeys(args: usize, first: i32, last: i32): void {
  const cache = int(args, 6), dim = int(args, 8), slots = int(args, 9)
  for (let r = first; r < last; r++) {
    const slot = stepSlot(cache, r)
    for (let h = 0; h < int(args, 7); h++) {
      const base = <usize>h * slots * dim * 4
      let from = rowOf(args, 0, r) + 4 * h * dim
      let to = word(args, 4) + base + <usize>(slot >> 3) * dim * 32 + 4 * (slot & 7)
      for (let d = 0; d < dim; d++, from += 4, to += 32) store<f32>(to, load<f32>(from))
      from = rowOf(args, 2, r) + 4 * h * dim
      to = word(args, 5) + base + <usize>slot * 32
      for (let d = 0; d < dim; d += 8, from += 32, to += <usize>slots * 32) {
        v128.store(to, v128.load(from))
        v128.store(to, v128.load(from, 16), 16)
      }
    }
  }
}
