import type { Backend, Buffer, Ops, Program, RopeScaling, Weight } from './contract.js'
import { hasLoraOps, type LoraBackend, type LoraOps } from './lora-ops.js'

/**
 * What learning needs beside {@link Ops} and {@link LoraOps}. The rows of a step are whole texts, one after the other, and see each
 * other without a cache. What is learned are matrices in buffers, whose rows are not the step's. A gradient has the shape of what it is
 * of: the derivative of the loss by it.
 */
export interface TrainOps {
  /** out = x */
  copy(args: { x: Buffer; out: Buffer }): void
  /** out = scale · x · matrixᵀ, or with `add` out += that. x [rows, cols], matrix [outs, cols], out [rows, outs] */
  times(args: { x: Buffer; matrix: Buffer; scale: number; add?: boolean; out: Buffer }): void
  /** The gradient of x in {@link times}: out = scale · y · matrix, or += that. y [rows, outs], out [rows, cols] */
  timesBack(args: { y: Buffer; matrix: Buffer; scale: number; add?: boolean; out: Buffer }): void
  /** The gradient of the matrix in {@link times}: out += scale · yᵀ · x over all rows. out [outs, cols] */
  addOuter(args: { y: Buffer; x: Buffer; scale: number; out: Buffer }): void
  /** The gradient of x in {@link Ops.project}: out = y · weight, or += that. y [rows, outs], out [rows, cols] */
  projectBack(args: { y: Buffer; weight: Weight; add?: boolean; out: Buffer }): void
  /** The gradient of x in {@link Ops.norm}, for that of its result: out = …, or += that. */
  normBack(args: { x: Buffer; weight: Weight; eps: number; grad: Buffer; add?: boolean; out: Buffer }): void
  /**
   * The gradient of q or k before {@link Ops.qkNormRope} from that of its result, in place. x as it was before.
   * x, grad [rows, heads · headDim]
   */
  normRopeBack(args: { x: Buffer; weight: Weight; headDim: number; eps: number; rope: RopeScaling; grad: Buffer }): void
  /** The gradients of gate and up in gelu(gate) ⊙ up, from that of the result. */
  gateBack(args: { gate: Buffer; up: Buffer; grad: Buffer; gateGrad: Buffer; upGrad: Buffer }): void
  /**
   * out[r, h] = Σ_s softmax_s(scale · q[r, h] · k[s, h′]) · v[s, h′] over the rows s that r sees, h′ = ⌊h · kvHeads / heads⌋.
   * spans [rows, 2]: from, to (exclusive) among the step's rows. sums [rows, heads] receives the logarithms of softmax's divisors.
   * q, out [rows, heads · headDim], k, v [rows, kvHeads · headDim]
   */
  attendRows(args: AttendedRows): void
  /** The gradients of q, k and v in {@link attendRows}, which has written `out` and `sums`. shares [rows, heads] is room to work in. */
  attendRowsBack(
    args: AttendedRows & { shares: Buffer; grad: Buffer; qGrad: Buffer; kGrad: Buffer; vGrad: Buffer },
  ): void
  /**
   * The loss of each row and, in place of the logits, its gradient. `targets` [rows, 1 + 2n] are a weight w₀, n ids, and a weight w of each;
   * an id of −1 is none. losses [rows, 2]: Σ w · −log softmax(logits)[id], and KL(softmax(other) ‖ softmax(logits)). What is derived is the
   * first plus w₀ times the second. Without `other`, w₀ and the second are 0.
   */
  crossEntropy(args: { logits: Buffer; targets: Buffer; other?: Buffer; losses: Buffer }): void
}

export interface AttendedRows {
  q: Buffer
  k: Buffer
  v: Buffer
  spans: Buffer
  headDim: number
  scale: number
  sums: Buffer
  out: Buffer
}

/** A backend that has {@link TrainOps}, which its `caps` say. */
export interface TrainBackend extends LoraBackend {
  record(label: string, build: (ops: Ops & LoraOps & TrainOps) => void): Program
}

export const hasTrainOps = (backend: Backend): backend is TrainBackend =>
  hasLoraOps(backend) && backend.caps.trains === true
