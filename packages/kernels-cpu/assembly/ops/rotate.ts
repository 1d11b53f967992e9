import { loadKey, storeKey } from '../cache/forms'
import { PAGE } from '../lib/layout'
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

/** Turns the pairs (j, j + dim/2) of x [dim] by the angles of a table, or back by them. */
@inline export function rotate(x: usize, table: usize, dim: i32, back: bool): void {
  const half: usize = 2 * dim
  for (let i: usize = 0; i < half; i += 16) {
    const a = v128.load(x + i), b = v128.load(x + half + i), sines = v128.load(table + half + i)
    const cos = v128.load(table + i), sin = back ? f32x4.neg(sines) : sines
    v128.store(x + i, f32x4.sub(f32x4.mul(a, cos), f32x4.mul(b, sin)))
    v128.store(x + half + i, f32x4.add(f32x4.mul(b, cos), f32x4.mul(a, sin)))
  }
}

function head(x: usize, weight: usize, table: usize, dim: i32, eps: f32): void {
  scaleBy(x, weight, inverseRms(x, dim, eps), dim, x)
  rotate(x, table, dim, false)
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

/** rerotate: k 0-1, angles 2-3, keys 4, cache 5, kvHeads 6, headDim 7, bytes of a page's keys 8, form 9 */
export function rerotate(args: usize, first: i32, last: i32): void {
  const cache = int(args, 5), kvHeads = int(args, 6), dim = int(args, 7), form = int(args, 9)
  for (let r = first; r < last; r++) {
    const slot = stepSlot(cache, r), k = rowOf(args, 0, r), page = word(args, 4) + <usize>(slot / PAGE) * word(args, 8)
    for (let h = 0; h < kvHeads; h++) {
      loadKey(form, page, h, kvHeads, slot % PAGE, dim, k)
      rotate(k, rowOf(args, 2, r), dim, true)
      storeKey(form, k, page, h, kvHeads, slot % PAGE, dim)
    }
  }
}
