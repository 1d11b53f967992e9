import type { Matrix } from './matrix.js'
import { project } from './project.js'

/** out[r] = ids, then logits, of the `count` largest of x[from + r] · weight[i], i < limit; lower ids first on ties. */
export function top(
  rows: number,
  x: Matrix,
  weight: Matrix,
  limit: number,
  count: number,
  out: Matrix,
  from = 0,
): void {
  const values = new Float32Array(weight.rows)
  for (let r = 0; r < rows; r++) {
    project(1, x, weight, { rows: 1, cols: weight.rows, values }, from + r)
    rankRow(values.subarray(0, limit), count, out.values.subarray(r * out.cols, (r + 1) * out.cols))
  }
}

/** The `count` largest: ids, then logits. */
export function rankRow(logits: Float32Array, count: number, out: Float32Array): void {
  const ranked = Array.from(logits.keys())
    .filter((id) => logits[id] > -Infinity)
    .sort((a, b) => logits[b] - logits[a] || a - b)
  for (let n = 0; n < count; n++) {
    const id = ranked[n]
    out[n] = id ?? -1
    out[count + n] = id === undefined ? -Infinity : logits[id]
  }
}
