import type { Buffer, TrainBackend } from '@g3/backend'
import type { Gemma3Config } from '@g3/runtime'
import { random } from '../random.js'
import { tensorName, targetShape, type Target } from './targets.js'

/** A matrix that is learned, with what the host holds of it. Its buffers are filled up with zeros, which stay zeros. */
export interface Learned {
  /** As an adapter's file names it. */
  readonly name: string
  /** [rows, cols], without what is filled up. */
  readonly rows: number
  readonly cols: number
  readonly values: Float32Array
  readonly held: Buffer
  readonly grad: Buffer
}

/** The two thin matrices beside one of the model's: W + scale · B · A. A [rank, cols], B [outs, rank]. */
export interface LearnedPair {
  readonly a: Learned
  readonly b: Learned
}

export interface ParameterOptions {
  readonly rank: number
  readonly targets: readonly Target[]
  readonly seed: number
}

export interface Parameters {
  /** By the name of the model's tensor. */
  readonly pairs: ReadonlyMap<string, LearnedPair>
  readonly all: readonly Learned[]
  /** The rank, filled up. */
  readonly thinCols: number
  /** Puts the host's values into the backend. */
  write(): Promise<void>
  /** @returns the sums of gradients since {@link clear}, in the order of `all` */
  gradients(): Promise<readonly Float32Array[]>
  clear(): Promise<void>
}

/** Random A, uniform in ±1/√cols as PEFT's, and B of zeros: so the first step begins at the model itself. */
export function parameters(
  backend: TrainBackend,
  config: Gemma3Config,
  { rank, targets, seed }: ParameterOptions,
): Parameters {
  const step = backend.caps.rankStep
  const thinCols = Math.ceil(rank / step) * step
  const rng = random(seed)
  const pairs = new Map<string, LearnedPair>()
  const learned = (name: string, rows: number, cols: number, heldRows: number, heldCols: number): Learned => ({
    name,
    rows,
    cols,
    values: new Float32Array(rows * cols),
    held: backend.buffer(name, heldRows, heldCols),
    grad: backend.buffer(`gradient of ${name}`, heldRows, heldCols),
  })
  for (let layer = 0; layer < config.layers; layer++) {
    for (const target of targets) {
      const { outs, cols } = targetShape(target, config)
      const name = tensorName(layer, target)
      const a = learned(`${name}.lora_a`, rank, cols, thinCols, cols)
      const b = learned(`${name}.lora_b`, outs, rank, outs, thinCols)
      const most = cols ** -0.5
      for (let i = 0; i < a.values.length; i++) a.values[i] = (2 * rng.uniform() - 1) * most
      pairs.set(name, { a, b })
    }
  }
  const all = [...pairs.values()].flatMap(({ a, b }) => [a, b])
  return {
    pairs,
    all,
    thinCols,
    async write() {
      for (const each of all) await backend.write(each.held, widened(each))
    },
    async gradients() {
      const found: Float32Array[] = []
      for (const each of all) found.push(narrowed(each, await backend.read(each.grad, each.grad.rows)))
      return found
    },
    async clear() {
      for (const { grad } of all) await backend.write(grad, new Float32Array(grad.rows * grad.cols))
    },
  }
}

/** The values among zeros, as the buffer has them. */
function widened({ values, rows, cols, held }: Learned): Float32Array {
  const wide = new Float32Array(held.rows * held.cols)
  for (let r = 0; r < rows; r++) wide.set(values.subarray(r * cols, (r + 1) * cols), r * held.cols)
  return wide
}

function narrowed({ rows, cols, held }: Learned, wide: Float32Array): Float32Array {
  if (held.cols === cols) return wide.subarray(0, rows * cols)
  const values = new Float32Array(rows * cols)
  for (let r = 0; r < rows; r++) values.set(wide.subarray(r * held.cols, r * held.cols + cols), r * cols)
  return values
}
