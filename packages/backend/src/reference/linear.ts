import type { Matrix } from './matrix.js'
import { dot, gelu } from './project.js'

/** out = x · weightᵀ + bias, or gelu of that; x [rows, cols], weight [outs, cols], bias [1, outs]. */
export function linear(rows: number, x: Matrix, weight: Matrix, bias: Matrix, isGelu: boolean, out: Matrix): void {
  each(rows, x, weight, bias, (sum, at) => {
    out.values[at] = isGelu ? gelu(sum) : sum
  })
}

/** out += x · weightᵀ + bias */
export function addLinear(rows: number, x: Matrix, weight: Matrix, bias: Matrix, out: Matrix): void {
  each(rows, x, weight, bias, (sum, at) => {
    out.values[at] += sum
  })
}

function each(rows: number, x: Matrix, weight: Matrix, bias: Matrix, use: (sum: number, at: number) => void): void {
  for (let o = 0; o < weight.rows; o++) {
    for (let r = 0; r < rows; r++) {
      use(dot(x.values, r * x.cols, weight.values, o * weight.cols, x.cols) + bias.values[o], r * weight.rows + o)
    }
  }
}
