import type { Matrix } from './matrix.js'

/** out[r] = x[from + r] · weightᵀ; x [.., cols], weight [outs, cols], out [rows, outs]. */
export function project(rows: number, x: Matrix, weight: Matrix, out: Matrix, from = 0): void {
  for (let o = 0; o < weight.rows; o++) {
    for (let r = 0; r < rows; r++) {
      out.values[r * out.cols + o] = dot(x.values, (from + r) * x.cols, weight.values, o * weight.cols, x.cols)
    }
  }
}

/** out = gelu(x · gateᵀ) ⊙ (x · upᵀ) */
export function gatedUp(rows: number, x: Matrix, gate: Matrix, up: Matrix, out: Matrix): void {
  for (let o = 0; o < gate.rows; o++) {
    for (let r = 0; r < rows; r++) {
      const g = dot(x.values, r * x.cols, gate.values, o * gate.cols, x.cols)
      const u = dot(x.values, r * x.cols, up.values, o * up.cols, x.cols)
      out.values[r * out.cols + o] = gelu(g) * u
    }
  }
}

/** The tanh form: x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))). Source: Hendrycks and Gimpel, arXiv 1606.08415. */
export function gelu(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)))
}

export function dot(a: Float32Array, atA: number, b: Float32Array, atB: number, length: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += a[atA + i] * b[atB + i]
  return sum
}
