import type { Matrix } from './matrix.js'

/** x as a grid of `columns`, row by row; out = the mean of each square of size × size, row by row, in its first rows. */
export function pool(x: Matrix, columns: number, size: number, out: Matrix): void {
  const perRow = columns / size
  for (let r = 0; r < x.rows / (size * size); r++) {
    const first = Math.floor(r / perRow) * size * columns + (r % perRow) * size
    for (let i = 0; i < x.cols; i++) {
      let sum = 0
      for (let n = 0; n < size * size; n++) {
        const row = first + Math.floor(n / size) * columns + (n % size)
        sum += x.values[row * x.cols + i]
      }
      out.values[r * x.cols + i] = sum / (size * size)
    }
  }
}
