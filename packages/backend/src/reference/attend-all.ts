import type { Matrix } from './matrix.js'
import { dot } from './project.js'

/** out[r, h] = Σ_s softmax_s(scale · q[r, h] · k[s, h]) · v[s, h] over all rows s. */
export function attendAll(
  rows: number,
  q: Matrix,
  k: Matrix,
  v: Matrix,
  headDim: number,
  scale: number,
  out: Matrix,
): void {
  const weights = new Float64Array(rows)
  for (let r = 0; r < rows; r++) {
    for (let column = 0; column < q.cols; column += headDim) {
      const at = r * q.cols + column
      for (let s = 0; s < rows; s++) weights[s] = scale * dot(q.values, at, k.values, s * k.cols + column, headDim)
      const largest = weights.reduce((a, b) => Math.max(a, b))
      for (let s = 0; s < rows; s++) weights[s] = Math.exp(weights[s] - largest)
      const total = weights.reduce((a, b) => a + b)
      for (let i = 0; i < headDim; i++) {
        let sum = 0
        for (let s = 0; s < rows; s++) sum += weights[s] * v.values[s * v.cols + column + i]
        out.values[at + i] = sum / total
      }
    }
  }
}
