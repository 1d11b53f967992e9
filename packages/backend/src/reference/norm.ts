import type { Matrix } from './matrix.js'

/** out = rms(x) · weight, for the first `rows` rows. */
export function norm(rows: number, x: Matrix, weight: Matrix, eps: number, out: Matrix): void {
  for (let r = 0; r < rows; r++) {
    const at = r * x.cols
    const factor = rmsFactor(x.values, at, x.cols, eps)
    for (let i = 0; i < x.cols; i++) out.values[at + i] = x.values[at + i] * factor * weight.values[i]
  }
}

/** x += rms(y) · post; out = rms(x) · next. The second norm sees the sum as stored, in f32. */
export function addNorm(
  rows: number,
  x: Matrix,
  y: Matrix,
  post: Matrix,
  next: Matrix,
  eps: number,
  out: Matrix,
): void {
  for (let r = 0; r < rows; r++) {
    const at = r * x.cols
    const factor = rmsFactor(y.values, at, x.cols, eps)
    for (let i = 0; i < x.cols; i++) x.values[at + i] += y.values[at + i] * factor * post.values[i]
  }
  norm(rows, x, next, eps, out)
}

/** 1 / sqrt(mean(x²) + eps) of the `length` values from `at` on. */
export function rmsFactor(values: Float32Array, at: number, length: number, eps: number): number {
  let sum = 0
  for (let i = 0; i < length; i++) sum += values[at + i] * values[at + i]
  return 1 / Math.sqrt(sum / length + eps)
}
