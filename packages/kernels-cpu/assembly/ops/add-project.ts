import { groupScratch } from '../lib/config'
import { matrixRows, SLICE } from '../lib/layout'
import { multiply, newActivations, partStart } from '../matrix/multiply'
import { float, rowOf, word } from './args'

/** addProject: x 0-1, weight 2, out 3-4, scale 5 */
export function addProject(args: usize, first: i32, last: i32, part: i32, parts: i32): void {
  const matrix = word(args, 2), rows = matrixRows(matrix), scale = f32x4.splat(float(args, 5))
  const from = partStart(rows, part, parts), to = partStart(rows, part + 1, parts)
  for (let r = first; r < last; r += SLICE) {
    const count = min(SLICE, last - r)
    newActivations()
    for (let g = from; g < to; g++) {
      multiply(matrix, g, g + 1, rowOf(args, 0, r), word(args, 1), count, groupScratch(), 32)
      let out = rowOf(args, 3, r) + 32 * g
      for (let at = groupScratch(), stop = at + 32 * count; at < stop; at += 32, out += word(args, 4)) {
        add(at, scale, out)
        add(at + 16, scale, out + 16)
      }
    }
  }
}

@inline function add(products: usize, scale: v128, out: usize): void {
  v128.store(out, f32x4.add(v128.load(out), f32x4.mul(scale, v128.load(products))))
}
