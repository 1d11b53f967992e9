import { madd, sumLanes } from '../lib/simd'
import { float, int, rowOf, word } from './args'

/** layerNorm: x 0-1, weight 2, bias 3, out 4-5, cols 6, eps 7 */
export function layerNorm(args: usize, first: i32, last: i32): void {
  const cols = int(args, 6), weight = word(args, 2), bias = word(args, 3), end: usize = 4 * cols
  for (let r = first; r < last; r++) {
    const x = rowOf(args, 0, r), out = rowOf(args, 4, r)
    let sum = f32x4.splat(0)
    for (let i: usize = 0; i < end; i += 16) sum = f32x4.add(sum, v128.load(x + i))
    const mean = f32x4.splat(sumLanes(sum) / <f32>cols)
    // Of the differences, not of the squares: values far from zero would leave nothing of the variance.
    let squares = f32x4.splat(0), rest = squares
    for (let i: usize = 0; i < end; i += 16) {
      const d = f32x4.sub(v128.load(x + i), mean)
      rest = f32x4.add(rest, d)
      squares = madd(d, d, squares)
    }
    // What rounding left out of the mean.
    const shift = sumLanes(rest) / <f32>cols
    const factor = f32x4.splat(1 / sqrt<f32>(sumLanes(squares) / <f32>cols - shift * shift + float(args, 7)))
    const center = f32x4.splat(shift)
    for (let i: usize = 0; i < end; i += 16) {
      const d = f32x4.sub(f32x4.sub(v128.load(x + i), mean), center)
      v128.store(out + i, madd(f32x4.mul(d, factor), v128.load(weight + i), v128.load(bias + i)))
    }
  }
}
