/** What the optimiser knows of one matrix beside its values: running means of gradients and of their squares. */
export interface Moments {
  readonly mean: Float32Array
  readonly square: Float32Array
}

export const newMoments = (length: number): Moments => ({
  mean: new Float32Array(length),
  square: new Float32Array(length),
})

const BETA_1 = 0.9
const BETA_2 = 0.999
const EPS = 1e-8

/**
 * AdamW: values move against gradients. In double, kept as f32: the same on every machine.
 * Source: Loshchilov and Hutter, "Decoupled weight decay regularization", arXiv 1711.05101, algorithm 2.
 * @param step from 1
 */
export function adam(
  values: Float32Array,
  grads: Float32Array,
  { mean, square }: Moments,
  { step, rate, decay, factor }: { step: number; rate: number; decay: number; factor: number },
): void {
  const first = 1 - BETA_1 ** step
  const second = 1 - BETA_2 ** step
  for (let i = 0; i < values.length; i++) {
    const grad = factor * grads[i]
    const m = BETA_1 * mean[i] + (1 - BETA_1) * grad
    const v = BETA_2 * square[i] + (1 - BETA_2) * grad * grad
    mean[i] = m
    square[i] = v
    values[i] -= rate * (m / first / (Math.sqrt(v / second) + EPS) + decay * values[i])
  }
}

/** The rate of a step from 1 on: rises over `warmup` steps, then falls to nothing along half a cosine. */
export function rateAt(step: number, { rate, warmup, steps }: { rate: number; warmup: number; steps: number }): number {
  if (step <= warmup) return (rate * step) / warmup
  return (rate / 2) * (1 + Math.cos((Math.PI * (step - warmup - 1)) / Math.max(1, steps - warmup)))
}

/** The length of all gradients as one vector. */
export function lengthOf(grads: readonly Float32Array[]): number {
  let sum = 0
  for (const grad of grads) for (let i = 0; i < grad.length; i++) sum += grad[i] * grad[i]
  return Math.sqrt(sum)
}
