import { attentionScratch } from '../lib/config'
import { GROUP, SLICE } from '../lib/layout'
import { anyAbove, clear, offer, smallest } from '../head/ranking'
import { multiply, newActivations, partStart } from '../matrix/multiply'
import { threads } from '../lib/sync'
import { int, rowOf, stepFrom, stepRows, word } from './args'

/** Groups whose logits are computed before they are looked at: SLICE rows of them fill attention's scratch. */
const RUN = 16

/** top: x 0-1, weight 2, rankings 3-4 (the step's rows for each part), limit 5, count 6. A part ranks its own ids. */
export function top(args: usize, first: i32, last: i32, part: i32, parts: i32): void {
  const matrix = word(args, 2), limit = int(args, 5), count = int(args, 6)
  const end = partStart(limit, part + 1, parts)
  const rankings = part * stepRows()
  for (let r = first; r < last; r += SLICE) {
    const rows = min(SLICE, last - r), x = rowOf(args, 0, stepFrom() + r), stride = word(args, 1)
    for (let t = 0; t < rows; t++) clear(rowOf(args, 3, rankings + r + t), count)
    newActivations()
    for (let g = partStart(limit, part, parts); g < end; g += RUN) {
      const until = min(g + RUN, end)
      multiply(matrix, g, until, x, stride, rows, attentionScratch(), RUN * 32)
      for (let t = 0; t < rows; t++) {
        const logits = attentionScratch() + t * RUN * 32
        rank(logits, GROUP * g, min(GROUP * until, limit), rowOf(args, 3, rankings + r + t), count)
      }
    }
  }
}

/** Offers the logits of ids [first, last) to a ranking. */
function rank(logits: usize, first: i32, last: i32, ranking: usize, count: i32): void {
  for (; first < last; first += GROUP, logits += 4 * GROUP) {
    if (!anyAbove(logits, smallest(ranking, count))) continue
    for (let i = 0; i < min(GROUP, last - first); i++) offer(ranking, count, <f32>(first + i), load<f32>(logits + 4 * i))
  }
}

/** mergeTops: rankings 0-1, out 2-3, count 4. Parts come in the order of their ids, so equals do too. */
export function mergeTops(args: usize, first: i32, last: i32): void {
  const count = int(args, 4)
  for (let r = first; r < last; r++) {
    const out = rowOf(args, 2, r)
    memory.copy(out, rowOf(args, 0, r), 8 * count)
    for (let part = 1; part < threads; part++) {
      const ranking = rowOf(args, 0, part * stepRows() + r)
      for (let i = 0; i < count; i++) offer(out, count, load<f32>(ranking + 4 * i), load<f32>(ranking + 4 * (count + i)))
    }
  }
}
