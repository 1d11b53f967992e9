import { madd, sumLanes } from '../lib/simd'
import { rowOf, word, int, float } from './args'

/** 1 / sqrt(mean(x²) + eps) over `cols` f32 */
@inline export function inverseRms(x: usize, cols: i32, eps: f32): f32 {
  let a = f32x4.splat(0), b = a
  for (let i: usize = 0, end: usize = 4 * cols; i < end; i += 32) {
    const u = v128.load(x + i), v = v128.load(x + i, 16)
    a = madd(u, u, a)
    b = madd(v, v, b)
  }
  return 1 / sqrt<f32>(sumLanes(f32x4.add(a, b)) / <f32>cols + eps)
}

/** out = x · scale · weight */
@inline export function scaleBy(x: usize, weight: usize, scale: f32, cols: i32, out: usize): void {
  const s = f32x4.splat(scale)
  for (let i: usize = 0, end: usize = 4 * cols; i < end; i += 16) {
    v128.store(out + i, f32x4.mul(f32x4.mul(v128.load(x + i), s), v128.load(weight + i)))
  }
}

/** norm: x 0-1, weight 2, out 3-4, cols 5, eps 6 */
export function norm(args: usize, first: i32, last: i32): void {
  const cols = int(args, 5)
  for (let r = first; r < last; r++) {
    const x = rowOf(args, 0, r)
    scaleBy(x, word(args, 2), inverseRms(x, cols, float(args, 6)), cols, rowOf(args, 3, r))
  }
}

/** addNorm: x 0-1, y 2-3, post 4, next 5, out 6-7, cols 8, eps 9 */
export function addNorm(args: usize, first: i32, last: i32): void {
  const cols = int(args, 8), eps = float(args, 9), post = word(args, 4)
  for (let r = first; r < last; r++) {
    const x = rowOf(args, 0, r), y = rowOf(args, 2, r)
    const s = f32x4.splat(inverseRms(y, cols, eps))
    for (let i: usize = 0, end: usize = 4 * cols; i < end; i += 16) {
      v128.store(x + i, f32x4.add(v128.load(x + i), f32x4.mul(f32x4.mul(v128.load(y + i), s), v128.load(post + i))))
    }
    scaleBy(x, word(args, 5), inverseRms(x, cols, eps), cols, rowOf(args, 6, r))
  }
}
