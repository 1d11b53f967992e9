import { groupScratch } from '../lib/config'
import { gelu } from '../lib/exp'
import { matrixRows, SLICE } from '../lib/layout'
import { multiply, newActivations, partStart } from '../matrix/multiply'
import { rowOf, stepFrom, word } from './args'

/** This part's columns of x · weightᵀ. `x` and `out` are argument indices of buffers, `from` is added to the rows of x. */
function product(args: usize, x: i32, weight: i32, out: i32, from: i32, first: i32, last: i32, part: i32, parts: i32): void {
  const matrix = word(args, weight), rows = matrixRows(matrix)
  const begin = partStart(rows, part, parts), end = partStart(rows, part + 1, parts)
  if (begin == end) return
  multiply(
    matrix, begin, end, rowOf(args, x, from + first), word(args, x + 1), last - first,
    rowOf(args, out, first) + 32 * begin, word(args, out + 1),
  )
}

/** qkv: x 0-1, then weight and out of q 2-4, k 5-7, v 8-10 */
export function qkv(args: usize, first: i32, last: i32, part: i32, parts: i32): void {
  for (let r = first; r < last; r += SLICE) {
    const end = min(r + SLICE, last)
    newActivations()
    product(args, 0, 2, 3, 0, r, end, part, parts)
    product(args, 0, 5, 6, 0, r, end, part, parts)
    product(args, 0, 8, 9, 0, r, end, part, parts)
  }
}

/** project: x 0-1, weight 2, out 3-4 */
export function project(args: usize, first: i32, last: i32, part: i32, parts: i32): void {
  for (let r = first; r < last; r += SLICE) {
    newActivations()
    product(args, 0, 2, 3, 0, r, min(r + SLICE, last), part, parts)
  }
}

/** logits: as project, x read from the step's `from` */
export function logits(args: usize, first: i32, last: i32, part: i32, parts: i32): void {
  for (let r = first; r < last; r += SLICE) {
    newActivations()
    product(args, 0, 2, 3, stepFrom(), r, min(r + SLICE, last), part, parts)
  }
}

/** gatedUp: x 0-1, gate 2, up 3, out 4-5 */
export function gatedUp(args: usize, first: i32, last: i32, part: i32, parts: i32): void {
  const gate = word(args, 2), up = word(args, 3), rows = matrixRows(gate)
  const begin = partStart(rows, part, parts), end = partStart(rows, part + 1, parts)
  // A group of each goes to scratch.
  const gates = groupScratch(), ups = gates + 32 * SLICE
  for (let r = first; r < last; r += SLICE) {
    const count = min(SLICE, last - r), x = rowOf(args, 0, r), stride = word(args, 1)
    newActivations()
    for (let g = begin; g < end; g++) {
      multiply(gate, g, g + 1, x, stride, count, gates, 32)
      multiply(up, g, g + 1, x, stride, count, ups, 32)
      let to = rowOf(args, 4, r) + 32 * g
      for (let at: usize = 0, end: usize = 32 * count; at < end; at += 32, to += word(args, 5)) {
        v128.store(to, f32x4.mul(gelu(v128.load(gates + at)), v128.load(ups + at)))
        v128.store(to, f32x4.mul(gelu(v128.load(gates + at, 16)), v128.load(ups + at, 16)), 16)
      }
    }
  }
}
