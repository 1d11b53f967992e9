import type { Matrix } from '../matrix.js'
import { dot } from '../project.js'

export interface Rows {
  readonly q: Matrix
  readonly k: Matrix
  readonly v: Matrix
  readonly spans: Matrix
  readonly headDim: number
  readonly scale: number
  readonly sums: Matrix
  readonly out: Matrix
}

/** Calls `visit` for each row and head with what it sees: the first and the last row (exclusive), and its columns of q and k. */
function eachHead(
  rows: number,
  { q, k, spans, headDim }: Rows,
  visit: (row: number, head: number, from: number, to: number, at: number, column: number) => void,
): void {
  const heads = q.cols / headDim
  const group = heads / (k.cols / headDim)
  for (let r = 0; r < rows; r++) {
    for (let h = 0; h < heads; h++) {
      const [from, to] = [spans.values[2 * r], Math.min(rows, spans.values[2 * r + 1])]
      visit(r, h, from, to, r * q.cols + h * headDim, Math.floor(h / group) * headDim)
    }
  }
}

export function attendRows(rows: number, parts: Rows): void {
  const { q, k, v, headDim, scale, sums, out } = parts
  eachHead(rows, parts, (r, h, from, to, at, column) => {
    const scores = new Float64Array(Math.max(0, to - from))
    for (let s = from; s < to; s++) scores[s - from] = scale * dot(q.values, at, k.values, s * k.cols + column, headDim)
    const largest = scores.reduce((a, b) => Math.max(a, b), -Infinity)
    const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0)
    sums.values[r * sums.cols + h] = largest + Math.log(total)
    for (let i = 0; i < headDim; i++) {
      let sum = 0
      for (let s = from; s < to; s++)
        sum += (Math.exp(scores[s - from] - largest) / total) * v.values[s * v.cols + column + i]
      out.values[at + i] = sum
    }
  })
}

export interface RowsBack extends Rows {
  readonly grad: Matrix
  readonly qGrad: Matrix
  readonly kGrad: Matrix
  readonly vGrad: Matrix
}

/** With p the weights and d = p · (grad · v − grad · out): dq = scale · Σ d · k, dk = scale · Σ d · q, dv = Σ p · grad. */
export function attendRowsBack(rows: number, parts: RowsBack): void {
  const { q, k, v, headDim, scale, grad, qGrad, kGrad, vGrad } = parts
  const [dq, dk, dv] = [q, k, v].map(({ cols }) => new Float64Array(rows * cols))
  eachHead(rows, parts, (_, __, from, to, at, column) => {
    const scores: number[] = []
    const slopes: number[] = []
    for (let s = from; s < to; s++) {
      scores.push(scale * dot(q.values, at, k.values, s * k.cols + column, headDim))
      slopes.push(dot(grad.values, at, v.values, s * v.cols + column, headDim))
    }
    const largest = Math.max(...scores)
    const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0)
    const weights = scores.map((score) => Math.exp(score - largest) / total)
    const mean = weights.reduce((sum, weight, n) => sum + weight * slopes[n], 0)
    for (const [n, weight] of weights.entries()) {
      const seen = (from + n) * k.cols + column
      const slope = scale * weight * (slopes[n] - mean)
      for (let i = 0; i < headDim; i++) {
        dq[at + i] += slope * k.values[seen + i]
        dk[seen + i] += slope * q.values[at + i]
        dv[seen + i] += weight * grad.values[at + i]
      }
    }
  })
  qGrad.values.set(dq)
  kGrad.values.set(dk)
  vGrad.values.set(dv)
}
