import type { Backend, Buffer, Ops, Program, Weight } from './contract.js'

/**
 * What an image encoder needs beside {@link Ops}: a transformer in which every row sees every other. A step has all the
 * patches of one image as its rows. Biases are vectors, [1, outputs].
 */
export interface VisionOps {
  /**
   * out[r] = patch r of the step's pixels, from the top left: for each channel the patch's rows. pixels [3, side, side],
   * out [(side / patch)², 3 · patch²]
   */
  patches(args: { side: number; patch: number; out: Buffer }): void
  /** out = (x − mean(x)) / sqrt(mean((x − mean(x))²) + eps) · weight + bias */
  layerNorm(args: { x: Buffer; weight: Weight; bias: Weight; eps: number; out: Buffer }): void
  /** out = x · weightᵀ + bias, or gelu of that, in its tanh form */
  linear(args: { x: Buffer; weight: Weight; bias: Weight; gelu?: boolean; out: Buffer }): void
  /** out += x · weightᵀ + bias */
  addLinear(args: { x: Buffer; weight: Weight; bias: Weight; out: Buffer }): void
  /**
   * out[r, h] = Σ_s softmax_s(scale · q[r, h] · k[s, h]) · v[s, h] over all rows s of the step.
   * q, k, v, out [rows, heads · headDim]
   */
  attendAll(args: { q: Buffer; k: Buffer; v: Buffer; headDim: number; scale: number; out: Buffer }): void
  /**
   * Takes x for a grid of `columns` and makes each square of size × size a row: out[r] = its mean, r < rows / size², in the
   * first rows of `out`; the next, up to the step's, hold anything. The step has as many rows as x. Squares of 1 copy x.
   */
  pool(args: { x: Buffer; columns: number; size: number; out: Buffer }): void
}

/** A backend that encodes images, too. */
export interface VisionBackend extends Backend {
  record(label: string, build: (ops: Ops & VisionOps) => void): Program
}
