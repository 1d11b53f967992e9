import { attentionScratch } from '../lib/config'
import { GROUP } from '../lib/layout'
import { multiply, newActivations } from '../matrix/multiply'
import { clear, offerGroup } from './ranking'

/** Groups whose logits are computed before they are looked at: `SLICE` rows of them fill attention's scratch. */
const RUN = 16

/**
 * Ranks the logits of groups [begin, end), below `limit`, for up to `SLICE` rows of x. Rows and rankings are
 * `stride` and `rankingStride` bytes apart.
 */
export function rankPlainly(
  matrix: usize, begin: i32, end: i32, limit: i32, x: usize, stride: usize, rows: i32,
  ranking: usize, rankingStride: usize, count: i32,
): void {
  for (let t = 0; t < rows; t++) clear(ranking + <usize>t * rankingStride, count)
  newActivations()
  for (let g = begin; g < end; g += RUN) {
    const until = min(g + RUN, end), logits = attentionScratch()
    multiply(matrix, g, until, x, stride, rows, logits, RUN * 32)
    for (let t = 0; t < rows; t++) {
      const to = ranking + <usize>t * rankingStride, from = logits + RUN * 32 * t
      for (let i = g; i < until; i++) offerGroup(to, count, GROUP * i, limit, from + 32 * (i - g))
    }
  }
}
