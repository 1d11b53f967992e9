import type { Buffer, Ops, TrainOps, Weight } from '@g3/backend'
import type { LearnedPair } from './parameters.js'

/** The thin buffers between A and B, and the factor of B · A. */
export interface Thin {
  readonly pairs: ReadonlyMap<string, LearnedPair>
  readonly scale: number
  readonly thin: Buffer
  readonly thinGrad: Buffer
}

type AllOps = Ops & TrainOps

/** out = x · weightᵀ, and scale · (x · Aᵀ) · Bᵀ where the matrix is adapted. */
export function adapted(ops: AllOps, { pairs, scale, thin }: Thin, x: Buffer, weight: Weight, out: Buffer): void {
  ops.project({ x, weight, out })
  const pair = pairs.get(weight.name)
  if (pair === undefined) return
  ops.times({ x, matrix: pair.a.held, scale: 1, out: thin })
  ops.times({ x: thin, matrix: pair.b.held, scale, add: true, out })
}

export interface BackOperands {
  readonly x: Buffer
  readonly weight: Weight
  /** Of the result. */
  readonly grad: Buffer
  /** Receives the gradient of x. */
  readonly out: Buffer
  /** Whether that is added to what `out` holds. */
  readonly add: boolean
}

/** The gradients of {@link adapted}: those of A and B are added to, that of x is written or added to. */
export function adaptedBack(ops: AllOps, { pairs, scale, thin, thinGrad }: Thin, operands: BackOperands): void {
  const { x, weight, grad, out, add } = operands
  ops.projectBack({ y: grad, weight, add, out })
  const pair = pairs.get(weight.name)
  if (pair === undefined) return
  const { a, b } = pair
  ops.times({ x, matrix: a.held, scale: 1, out: thin })
  ops.addOuter({ y: grad, x: thin, scale, out: b.grad })
  ops.timesBack({ y: grad, matrix: b.held, scale, out: thinGrad })
  ops.addOuter({ y: thinGrad, x, scale: 1, out: a.grad })
  ops.timesBack({ y: thinGrad, matrix: a.held, scale: 1, add: true, out })
}
