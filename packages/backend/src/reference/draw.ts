import { DRAW_WORDS, drawPlace, unpackDraw } from '../draw.js'
import type { Matrix } from './matrix.js'

/** out[r] = the id that the row's draw takes from ranked[r], ids and then logits; −1 where none is ranked. */
export function draw(rows: number, ranked: Matrix, draws: Int32Array, out: Matrix): void {
  const count = ranked.cols / 2
  for (let r = 0; r < rows; r++) {
    const ids = ranked.values.subarray(r * ranked.cols, r * ranked.cols + count)
    const logits = ranked.values.subarray(r * ranked.cols + count, (r + 1) * ranked.cols)
    const none = ids.indexOf(-1)
    const size = none < 0 ? count : none
    const draw = unpackDraw(draws, DRAW_WORDS * r)
    out.values[r] = size === 0 ? -1 : ids[drawPlace(logits, Math.min(size, draw.topK), draw)]
  }
}
