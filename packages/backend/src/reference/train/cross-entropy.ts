import type { Matrix } from '../matrix.js'

/** The losses of each row and, in place of the logits, their gradient; see `TrainOps.crossEntropy`. */
export function crossEntropy(
  rows: number,
  logits: Matrix,
  targets: Matrix,
  other: Matrix | undefined,
  losses: Matrix,
): void {
  const { cols } = logits
  const count = (targets.cols - 1) / 2
  for (let r = 0; r < rows; r++) {
    const own = logits.values.subarray(r * cols, (r + 1) * cols)
    const [leash, ...list] = targets.values.subarray(r * targets.cols, (r + 1) * targets.cols)
    const sum = logSum(own)
    let loss = 0
    let weight = 0
    for (let n = 0; n < count; n++) {
      if (list[n] < 0) continue
      loss += list[count + n] * (sum - own[list[n]])
      weight += list[count + n]
    }
    const base = other?.values.subarray(r * cols, (r + 1) * cols)
    const baseSum = base ? logSum(base) : 0
    const grads = new Float64Array(cols)
    let divergence = 0
    for (let i = 0; i < cols; i++) {
      const log = own[i] - sum
      const p = Math.exp(log)
      grads[i] = weight * p
      if (base === undefined) continue
      const baseLog = base[i] - baseSum
      const q = Math.exp(baseLog)
      grads[i] += leash * (p - q)
      if (q > 0) divergence += q * (baseLog - log)
    }
    for (let n = 0; n < count; n++) if (list[n] >= 0) grads[list[n]] -= list[count + n]
    own.set(grads)
    losses.values.set([loss, divergence], 2 * r)
  }
}

function logSum(values: Float32Array): number {
  let largest = -Infinity
  for (const value of values) largest = Math.max(largest, value)
  let sum = 0
  for (const value of values) sum += Math.exp(value - largest)
  return largest + Math.log(sum)
}
