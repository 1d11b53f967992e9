import type { Matrix } from './matrix.js'

/**
 * out = (x − mean) / sqrt(variance + eps) · weight + bias, for the first `rows` rows.
 *
 * Source: Ba, Kiros and Hinton, "Layer Normalization", arXiv 1607.06450; the variance is the biased one.
 */
export function layerNorm(rows: number, x: Matrix, weight: Matrix, bias: Matrix, eps: number, out: Matrix): void {
  for (let r = 0; r < rows; r++) {
    const row = x.values.subarray(r * x.cols, (r + 1) * x.cols)
    const mean = row.reduce((sum, value) => sum + value, 0) / x.cols
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.cols
    const factor = 1 / Math.sqrt(variance + eps)
    for (let i = 0; i < x.cols; i++) {
      out.values[r * x.cols + i] = (row[i] - mean) * factor * weight.values[i] + bias.values[i]
    }
  }
}
