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
    const ranked = Array.from({ length: limit }, (_, id) => id)
      .filter((id) => values[id] > -Infinity)
      .sort((a, b) => values[b] - values[a] || a - b)
    for (let n = 0; n < count; n++) {
      const id = ranked[n]
      out.values[r * out.cols + n] = id ?? -1
      out.values[r * out.cols + count + n] = id === undefined ? -Infinity : values[id]
    }
  }
}
