import { ropeAngle } from '../rope.js'
import type { Matrix } from './matrix.js'
import { rmsFactor } from './norm.js'

/**
 * Each head of x [rows, heads · headDim], in place: rms over the head times `weight` [headDim], then rotation of the
 * pairs (j, j + headDim/2) by position · frequencies[j].
 */
export function normRope(
  rows: number,
  positions: Int32Array,
  x: Matrix,
  weight: Matrix,
  eps: number,
  frequencies: Float32Array,
): void {
  const pairs = frequencies.length
  const headDim = 2 * pairs
  for (let r = 0; r < rows; r++) {
    for (let at = r * x.cols; at < (r + 1) * x.cols; at += headDim) {
      const factor = rmsFactor(x.values, at, headDim, eps)
      for (let j = 0; j < pairs; j++) {
        const a = x.values[at + j] * factor * weight.values[j]
        const b = x.values[at + pairs + j] * factor * weight.values[pairs + j]
        const angle = ropeAngle(positions[r], frequencies[j])
        x.values[at + j] = a * Math.cos(angle) - b * Math.sin(angle)
        x.values[at + pairs + j] = b * Math.cos(angle) + a * Math.sin(angle)
      }
    }
  }
}
