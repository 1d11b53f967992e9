import type { Matrix } from './matrix.js'

/** out[r] = weight[ids[r]] · scale; the scale is rounded to f32, as the model's arithmetic is. */
export function embed(rows: number, ids: Int32Array, weight: Matrix, scale: number, out: Matrix): void {
  const factor = Math.fround(scale)
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < out.cols; i++) {
      out.values[r * out.cols + i] = weight.values[ids[r] * out.cols + i] * factor
    }
  }
}

/** The ids in the first column; −1 counts as 0. */
export const firstColumn = (rows: number, { cols, values }: Matrix): Int32Array =>
  Int32Array.from({ length: rows }, (_, r) => Math.max(0, values[r * cols]))
