import { check, hasTrainOps, type Backend, type PackedTensor, type TrainBackend } from '@g3/backend'
import { loadWeights, type Gemma3Config } from '@g3/runtime'
import { parameters, type Parameters } from './parameters.js'
import { recordPrograms } from './programs.js'
import { makeRoom } from './room.js'
import { rowsOf, type Example, type Rows, type Wanted } from './rows.js'
import type { Target } from './targets.js'

export interface StudentOptions {
  readonly rank: number
  readonly alpha: number
  readonly targets: readonly Target[]
  readonly seed: number
  /** Rows of the largest step. */
  readonly rows: number
  /** Most tokens that are wanted of one position. */
  readonly mostTargets: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** Sums over the positions of some texts. */
export interface Losses {
  /** Σ weight · −log p */
  readonly loss: number
  /** Σ KL(base ‖ student); 0 where it is not asked for. */
  readonly divergence: number
}

/** A model with adapters that learn. Its weights stay as the file has them. */
export interface Student {
  readonly config: Gemma3Config
  readonly parameters: Parameters
  /** What B · A is multiplied by: alpha / rank. */
  readonly scale: number
  /**
   * Runs texts forth and back: gradients of loss + leash · divergence are added to the adapters'.
   * @param leash how much the divergence from the model without adapters counts
   */
  learn(examples: readonly Example[], leash: number): Promise<Losses>
  /** Runs texts forth only. */
  judge(examples: readonly Example[], leash: number): Promise<Losses>
}

/** Rows that the head takes at a time: 64 MB of logits of the published vocabulary. */
const HEAD_ROWS = 64

/**
 * Loads a model to be taught.
 * @throws G3Error `distill/backend` for one without the ops of learning, `distill/unsupported` for a model that caps its logits; what
 * `tensors` and the backend throw
 */
export async function student(
  backend: Backend,
  tensors: (name: string) => PackedTensor,
  config: Gemma3Config,
  options: StudentOptions,
): Promise<Student> {
  const able = checked(backend, config)
  const { rank, alpha, mostTargets, rows, signal, onProgress } = options
  const weights = await loadWeights(able, tensors, config, {
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  })
  const own = parameters(able, config, options)
  const headRows = Math.min(HEAD_ROWS, rows)
  const room = makeRoom(able, config, { rows, headRows, mostTargets, thinCols: own.thinCols })
  const scale = alpha / rank
  const thin = { pairs: own.pairs, scale, thin: room.thin, thinGrad: room.grad.thin }
  const programs = recordPrograms({ backend: able, config, weights, room, thin })
  await own.write()
  const { width } = config

  /** x of the texts, images and all. */
  const begin = async ({ count, ids, images }: Rows): Promise<void> => {
    able.run(programs.embed, { rows: count, ids })
    if (images.length === 0) return
    const x = await able.read(room.x, count)
    for (const { row, values } of images) x.set(values, row * width)
    await able.write(room.x, x)
  }

  const run = async (examples: readonly Example[], leash: number, derive: boolean): Promise<Losses> => {
    const all = rowsOf(examples, config)
    const step = { rows: all.count, positions: all.positions }
    await able.write(room.spans.local, all.spans.local)
    await able.write(room.spans.global, all.spans.global)
    let base: Float32Array | undefined
    if (leash > 0) {
      await begin(all)
      able.run(programs.base(), step)
      base = await able.read(room.out, all.count)
    }
    await begin(all)
    able.run(programs.forward, step)
    const out = await able.read(room.out, all.count)
    const grads = new Float32Array(out.length)
    let [loss, divergence] = [0, 0]
    for (let first = 0; first < all.wanted.length; first += headRows) {
      const part = all.wanted.slice(first, first + headRows)
      const rowsHere = { rows: part.length }
      await able.write(room.head.targets, targetRows(part, leash, mostTargets))
      if (base) {
        await able.write(room.head.in, picked(base, part, width))
        able.run(programs.baseLogits(), rowsHere)
      }
      await able.write(room.head.in, picked(out, part, width))
      const { loss: forth, lossBack: back } = base ? programs.leash() : programs
      able.run(derive ? back : forth, rowsHere)
      const losses = await able.read(room.head.losses, part.length)
      for (let r = 0; r < part.length; r++) {
        loss += losses[2 * r]
        divergence += losses[2 * r + 1]
      }
      if (!derive) continue
      const inGrad = await able.read(room.head.inGrad, part.length)
      for (const [r, { position }] of part.entries()) {
        for (let i = 0; i < width; i++) grads[position * width + i] += inGrad[r * width + i]
      }
    }
    if (derive && all.wanted.length > 0) {
      await able.write(room.outGrad, grads)
      able.run(programs.backward, step)
      // Waits, so that an error is this step's.
      await able.read(room.grad.x, 1)
    }
    return { loss, divergence }
  }

  return {
    config,
    parameters: own,
    scale,
    learn: (examples, leash) => run(examples, leash, true),
    judge: (examples, leash) => run(examples, leash, false),
  }
}

function checked(backend: Backend, config: Gemma3Config): TrainBackend {
  check(
    hasTrainOps(backend),
    'distill/backend',
    () => `the backend ${backend.caps.name} has no ops of learning: take cpu or reference`,
  )
  check(
    config.finalSoftcap === undefined,
    'distill/unsupported',
    'this model caps its logits, which no Gemma 3 of Google does and training here does not know',
  )
  return backend
}

/** As `TrainOps.crossEntropy` reads them. */
function targetRows(part: readonly Wanted[], leash: number, most: number): Float32Array {
  const cols = 1 + 2 * most
  const values = new Float32Array(part.length * cols)
  for (const [r, { ids, weights }] of part.entries()) {
    const at = r * cols
    values[at] = leash
    values.fill(-1, at + 1, at + 1 + most)
    values.set(Array.from(ids), at + 1)
    values.set(Array.from(weights), at + 1 + most)
  }
  return values
}

function picked(out: Float32Array, part: readonly Wanted[], width: number): Float32Array {
  const values = new Float32Array(part.length * width)
  for (const [r, { position }] of part.entries())
    values.set(out.subarray(position * width, (position + 1) * width), r * width)
  return values
}
