import { ropeAngle } from '../../rope.js'
import type { Matrix } from '../matrix.js'
import { rmsFactor } from '../norm.js'

/**
 * The gradient of x in rms(x) · weight. With f = 1 / sqrt(mean(x²) + eps) and g = weight · grad: f · g − x · f³ · mean(x · g).
 * @returns that of the `weight.length` values from `at` on
 */
function back(
  x: Float32Array,
  at: number,
  weight: Float32Array,
  eps: number,
  grad: ArrayLike<number>,
  gradAt: number,
): Float64Array {
  const length = weight.length
  const factor = rmsFactor(x, at, length, eps)
  let along = 0
  for (let i = 0; i < length; i++) along += x[at + i] * weight[i] * grad[gradAt + i]
  const pull = (factor ** 3 * along) / length
  return Float64Array.from(weight, (w, i) => factor * w * grad[gradAt + i] - pull * x[at + i])
}

/** out = the gradient of x, or += that. */
export function normBack(
  rows: number,
  x: Matrix,
  weight: Matrix,
  eps: number,
  grad: Matrix,
  add: boolean,
  out: Matrix,
): void {
  for (let at = 0; at < rows * x.cols; at += x.cols) {
    const own = back(x.values, at, weight.values, eps, grad.values, at)
    for (let i = 0; i < x.cols; i++) out.values[at + i] = add ? out.values[at + i] + own[i] : own[i]
  }
}

/** Of each head, in place: turns back by its angles, then as {@link normBack}. */
export function normRopeBack(
  rows: number,
  positions: Int32Array,
  x: Matrix,
  weight: Matrix,
  eps: number,
  frequencies: Float32Array,
  grad: Matrix,
): void {
  const pairs = frequencies.length
  const turned = new Float64Array(2 * pairs)
  for (let r = 0; r < rows; r++) {
    for (let at = r * x.cols; at < (r + 1) * x.cols; at += 2 * pairs) {
      for (let j = 0; j < pairs; j++) {
        const angle = ropeAngle(positions[r], frequencies[j])
        const [a, b] = [grad.values[at + j], grad.values[at + pairs + j]]
        turned[j] = a * Math.cos(angle) + b * Math.sin(angle)
        turned[pairs + j] = b * Math.cos(angle) - a * Math.sin(angle)
      }
      grad.values.set(back(x.values, at, weight.values, eps, turned, 0), at)
    }
  }
}
