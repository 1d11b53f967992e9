import { groupScratch } from '../lib/config'
import { gelu } from '../lib/exp'
import { matrixRows, SLICE } from '../lib/layout'
import { multiply, newActivations, partStart } from '../matrix/multiply'
import { int, rowOf, word } from './args'

/** What becomes of a product with its bias, with the codes of `src/vision-recorder.ts`. */
const GELU = 1
const ADD = 2

/** linear: x 0-1, weight 2, bias 3, out 4-5, what becomes of it 6 */
export function linear(args: usize, first: i32, last: i32, part: i32, parts: i32): void {
  const matrix = word(args, 2), rows = matrixRows(matrix), end = int(args, 6)
  const from = partStart(rows, part, parts), to = partStart(rows, part + 1, parts)
  for (let r = first; r < last; r += SLICE) {
    const count = min(SLICE, last - r)
    newActivations(true)
    for (let g = from; g < to; g++) {
      multiply(matrix, g, g + 1, rowOf(args, 0, r), word(args, 1), count, groupScratch(), 32)
      const bias = word(args, 3) + 32 * g, b0 = v128.load(bias), b1 = v128.load(bias, 16)
      let out = rowOf(args, 4, r) + 32 * g
      for (let at = groupScratch(), stop = at + 32 * count; at < stop; at += 32, out += word(args, 5)) {
        finish(f32x4.add(v128.load(at), b0), end, out)
        finish(f32x4.add(v128.load(at, 16), b1), end, out + 16)
      }
    }
  }
}

@inline function finish(x: v128, end: i32, out: usize): void {
  v128.store(out, end == GELU ? gelu(x) : end == ADD ? f32x4.add(x, v128.load(out)) : x)
}
