import { rankPlainly } from '../head/plain'
import { offer } from '../head/ranking'
import { canScreen, rankScreened, SCREEN_ROWS } from '../head/screen'
import { SLICE } from '../lib/layout'
import { threads } from '../lib/sync'
import { partStart } from '../matrix/multiply'
import { int, rowOf, stepFrom, stepRows, word } from './args'

/**
 * top: x 0-1, weight 2, rankings 3-4 (the step's rows for each part), limit 5, count 6, memory to screen it 7. A part
 * ranks its own ids.
 */
export function top(args: usize, first: i32, last: i32, part: i32, parts: i32): void {
  const matrix = word(args, 2), limit = int(args, 5), count = int(args, 6), space = word(args, 7)
  const begin = partStart(limit, part, parts), end = partStart(limit, part + 1, parts)
  const stride = word(args, 1), rankingStride = word(args, 4)
  for (let r = first; r < last;) {
    const x = rowOf(args, 0, stepFrom() + r), ranking = rowOf(args, 3, part * stepRows() + r)
    let rows = min(SCREEN_ROWS, last - r)
    const screened = canScreen(matrix, rows, space) &&
      rankScreened(matrix, begin, end, limit, x, stride, rows, ranking, rankingStride, count, space)
    if (!screened) {
      rows = min(SLICE, last - r)
      rankPlainly(matrix, begin, end, limit, x, stride, rows, ranking, rankingStride, count)
    }
    r += rows
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
