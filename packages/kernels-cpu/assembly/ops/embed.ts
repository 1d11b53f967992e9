import { panelScratch } from '../lib/config'
import { GROUP, matrixCols, matrixGroup, matrixType } from '../lib/layout'
import { unpack32 } from '../matrix/unpack'
import { float, rowOf, stepId, word } from './args'

/** embed: weight 0, out 1-2, scale 3, a buffer whose first column has the ids 4-5 (0: the step has them). −1 counts as 0. */
export function embed(args: usize, first: i32, last: i32): void {
  const matrix = word(args, 0), cols = matrixCols(matrix), scale = float(args, 3)
  for (let r = first; r < last; r++) {
    const id = word(args, 4) ? <i32>max(load<f32>(rowOf(args, 4, r)), 0) : stepId(r), panel = panelScratch(), out = rowOf(args, 1, r)
    unpack32(matrixType(matrix), matrixGroup(matrix, id / GROUP), cols, panel)
    const from = panel + 4 * (id % GROUP)
    for (let k = 0; k < cols; k++) store<f32>(out + 4 * k, load<f32>(from + 32 * k) * scale)
  }
}
