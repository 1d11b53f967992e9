import type { Matrix } from './matrix.js'

/** out[r, 0] = index of the largest of the first `limit` logits of row r, the lowest index on ties. */
export function pick(rows: number, logits: Matrix, limit: number, out: Matrix): void {
  for (let r = 0; r < rows; r++) {
    let best = 0
    for (let i = 1; i < limit; i++) {
      if (logits.values[r * logits.cols + i] > logits.values[r * logits.cols + best]) best = i
    }
    out.values[r * out.cols] = best
  }
}
