import type { Matrix } from '../matrix.js'
import { dot } from '../project.js'

/** out = scale · x · matrixᵀ, or += that. */
export function times(rows: number, x: Matrix, matrix: Matrix, scale: number, add: boolean, out: Matrix): void {
  for (let r = 0; r < rows; r++) {
    for (let o = 0; o < matrix.rows; o++) {
      const at = r * out.cols + o
      const product = scale * dot(x.values, r * x.cols, matrix.values, o * matrix.cols, x.cols)
      out.values[at] = add ? out.values[at] + product : product
    }
  }
}

/** out = scale · y · matrix, or += that. */
export function timesBack(rows: number, y: Matrix, matrix: Matrix, scale: number, add: boolean, out: Matrix): void {
  const sums = new Float64Array(out.cols)
  for (let r = 0; r < rows; r++) {
    sums.fill(0)
    for (let o = 0; o < matrix.rows; o++) {
      const factor = scale * y.values[r * y.cols + o]
      for (let c = 0; c < out.cols; c++) sums[c] += factor * matrix.values[o * matrix.cols + c]
    }
    for (let c = 0; c < out.cols; c++) {
      const at = r * out.cols + c
      out.values[at] = add ? out.values[at] + sums[c] : sums[c]
    }
  }
}

/** out += scale · yᵀ · x */
export function addOuter(rows: number, y: Matrix, x: Matrix, scale: number, out: Matrix): void {
  for (let o = 0; o < out.rows; o++) {
    for (let c = 0; c < out.cols; c++) {
      let sum = 0
      for (let r = 0; r < rows; r++) sum += y.values[r * y.cols + o] * x.values[r * x.cols + c]
      out.values[o * out.cols + c] += scale * sum
    }
  }
}
