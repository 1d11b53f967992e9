import { check, type Backend, type Buffer, type Ops, type PackedTensor, type Program } from '@g3/backend'
import type { Features, Tower } from '@g3/vision'
import type { Gemma3Config } from '../config.js'
import { adapters, type Adapters } from '../lora/adapters.js'
import { batchOf, type Batch } from './batch.js'
import { bodyRecorder } from './body.js'
import { fingerprint } from './fingerprint.js'
import { recordHeads } from './heads.js'
import { images, type Images } from './images.js'
import { forkLane, isAtRest, isFree, loseText, newLane, type Lane } from './lane.js'
import { loadWeights, type Gemma3Weights, type LoadProgress } from './load-weights.js'
import { passes } from './passes.js'
import { placeLayers, type LayerPlace } from './place-layers.js'
import { prefixes } from './prefixes.js'
import { shifter } from './shift.js'
import { sizeOf, type SizeOptions } from './size.js'
import { snapshots } from './snapshot.js'
import { textSequence, type TextSequence } from './text-sequence.js'
import { allocateWork, type Work } from './work.js'

export type { Batch } from './batch.js'
export type { Images } from './images.js'
export type { Reuse, TextSequence } from './text-sequence.js'

/** A loaded Gemma 3 text model. Its weights live in the backend, which its owner disposes. */
export interface Gemma3 extends AsyncDisposable {
  readonly config: Gemma3Config
  /** Positions that a sequence can have. */
  readonly context: number
  /** How many sequences can be open at a time. */
  readonly sequences: number
  /** Tokens that one pass reads at most: a step of a prompt, or a token of each sequence. */
  readonly passRows: number
  /** Where it was loaded with an image encoder. */
  readonly images: Images | undefined
  /** LoRA adapters, which change what the model computes without touching its weights. */
  readonly adapters: Adapters
  /**
   * A text of no tokens yet, in caches of its own.
   * @throws G3Error `model/busy` while as many are open as the model has room for, `model/disposed`
   */
  sequence(): TextSequence
  /**
   * Open sequences of this model, to be decoded together.
   * @throws G3Error `model/batch` when there are none, one is there twice or is another model's; `model/disposed`
   */
  batch(sequences: readonly TextSequence[]): Batch
  /**
   * Brings lost hardware back, after an error `backend/lost`. The texts of all sequences are gone with it: each throws
   * `backend/lost` until it is `reset`, or takes up a text by `reuse` or `restore`.
   * @throws G3Error as {@link Recovery.recover}; `backend/lost` where the backend has no way back
   */
  recover(): Promise<void>
}

export interface Gemma3Options extends LoadProgress, SizeOptions {
  /** Most bytes of keys and values. Default: as many as all sequences need in full. */
  readonly cacheBytes?: number
  /** The image encoder, on the same backend. */
  readonly tower?: Tower
}

/**
 * Loads the weights and records the programs that are the model: the body, from token ids to normed hidden states through
 * all layers, and the head, from those to what `heads.ts` tells (once for each sequence's outputs). Where ids are drawn
 * ahead or images seen, the layers are recorded by themselves, too, to follow another beginning.
 *
 * Source: Gemma 3 Technical Report (arXiv 2503.19786); Hugging Face transformers, `modeling_gemma3.py`.
 * @throws G3Error `model/bad-option`, `model/tensor-shape`, what `tensors` and the backend throw; the signal's reason
 */
export async function loadGemma3(
  backend: Backend,
  tensors: (name: string) => PackedTensor,
  config: Gemma3Config,
  options: Gemma3Options = {},
): Promise<Gemma3> {
  const size = sizeOf(options, config, backend.caps.cacheType)
  const { context, maxRows, sequences, checkpoints } = size
  const model = fingerprint(config)
  const weights = await loadWeights(backend, (name) => model.of(tensors(name)), config, options)

  const passRows = Math.max(maxRows, sequences)
  const work = allocateWork(backend, config, passRows)
  const { places, caches, pool } = placeLayers(backend, config, size, options.cacheBytes)
  const own = { config, weights, work, places }
  const { tower } = options
  if (tower) checkTower(tower, config, passRows)
  const { runsAhead } = backend.caps
  const drawn: Buffer[] = []
  const recordBody = bodyRecorder({
    begin: (ops, ids) => begin(ops, own, ids),
    layers: (ops) => runLayers(ops, own),
    hasOtherStarts: runsAhead || tower !== undefined,
    drawn,
  })
  const inUse = { name: '', programs: recordBody((label, build) => backend.record(label, build)) }
  const head = { config, embedding: weights.embedding, h: work.h }
  const outputs = Array.from({ length: sequences }, () => recordHeads(backend, head))
  if (runsAhead) for (const output of outputs) drawn.push(output.picked.buffer, output.drawn.buffer)
  for (const ids of drawn) inUse.programs.follow(ids)
  const lanes = outputs.map((output) => newLane(pool.sequence(), output, inUse))

  const stopListening = backend.recovery?.onRecovered(() => {
    parts.prefixes.clear()
    parts.images?.lose()
    for (const lane of lanes) loseText(lane)
  })
  const known = new WeakSet<TextSequence>()
  let disposed = false
  const checkOpen = (): void => check(!disposed, 'model/disposed', 'this model was disposed; load it again')
  /** Opens a sequence of no tokens, or of those in another lane. */
  const open = (from?: Lane): TextSequence => {
    checkOpen()
    const lane = lanes.find(isFree)
    check(lane !== undefined, 'model/busy', () => busyProblem(sequences))
    if (from) forkLane(from, lane)
    const opened = textSequence(parts, lane)
    known.add(opened)
    return opened
  }
  const parts = {
    backend,
    config,
    maxRows,
    passes: passes({ backend, inUse, caches, placed: pool.placement(passRows, sequences) }),
    prefixes: prefixes(pool, checkpoints),
    snapshots: snapshots({
      backend,
      caches,
      pool,
      model: model.name(),
      encoder: tower && (tower.name ?? 'without a name'),
    }),
    shift: shifter({ backend, caches, layers: places, k: work.k }),
    images: tower && images({ tower, record: (features) => recordImage(backend, own, tower, features) }),
    open,
  }
  const loras = adapters({
    backend,
    config,
    record: recordBody,
    rows: passRows,
    inUse,
    checkOpen,
    checkIdle: () =>
      check(lanes.every(isAtRest), 'model/busy', 'a sequence is at work; wait for that or abort it first'),
  })
  return {
    config,
    context,
    sequences,
    passRows,
    images: parts.images,
    adapters: loras,
    sequence: () => open(),
    batch(members) {
      checkOpen()
      check(members.length > 0, 'model/batch', 'a batch needs at least one sequence')
      const twice = new Set(members).size < members.length
      check(!twice, 'model/batch', 'a sequence is twice in the batch; its second token has to wait for the first')
      return batchOf(
        parts,
        members.map((member) => {
          check(known.has(member), 'model/batch', 'a sequence of the batch was opened by another model')
          const lane = lanes.find(({ owner }) => owner === member)
          check(lane !== undefined, 'model/disposed', 'a sequence of the batch was disposed')
          return { sequence: member, lane }
        }),
      )
    },
    async recover() {
      checkOpen()
      check(backend.recovery !== undefined, 'backend/lost', 'this backend cannot bring its hardware back')
      await backend.recovery.recover()
    },
    async [Symbol.asyncDispose]() {
      disposed = true
      stopListening?.()
      for (const lane of lanes) lane.owner = undefined
      await loras.close()
    },
  }
}

/** @throws G3Error `model/bad-option` */
function checkTower({ width, tokens }: Tower, config: Gemma3Config, rows: number): void {
  check(
    width === config.width,
    'model/bad-option',
    () =>
      `the image encoder makes tokens of ${width} values and the model has ${config.width}: take the one of this model`,
  )
  check(
    tokens <= rows,
    'model/bad-option',
    () =>
      `an image has ${tokens} rows, which are read in one step, and a step has ${rows}: raise maxRows and the context`,
  )
}

const busyProblem = (sequences: number): string =>
  `all ${sequences} sequences of this model are open; dispose of one first, or load with room for more sequences`

/** What programs are recorded from. */
interface Parts {
  readonly config: Gemma3Config
  readonly weights: Gemma3Weights
  readonly work: Work
  readonly places: readonly LayerPlace[]
}

/**
 * ids -> x, and h, which is x normed for the first layer.
 * @param ids where the ids are; default: in the step
 */
function begin(ops: Ops, { config: { width, rmsEps: eps }, weights, work: { x, h } }: Parts, ids?: Buffer): void {
  // sqrt(width) in f32. In bf16 training it was rounded to bf16; the published f32 arithmetic does not round it.
  ops.embed({ weight: weights.embedding, scale: Math.fround(Math.sqrt(width)), out: x, ...(ids && { ids }) })
  ops.norm({ x, weight: weights.layers[0].attentionNorm, eps, out: h })
}

/** An image's features -> x, soft tokens as they are, and h as {@link begin}. */
const recordImage = (
  backend: Backend,
  { config: { rmsEps: eps }, weights, work: { x, h } }: Parts,
  tower: Tower,
  features: Features,
): Program =>
  backend.record('image', (ops) => {
    tower.project(ops, features, x)
    ops.norm({ x, weight: weights.layers[0].attentionNorm, eps, out: h })
  })

/** x and h through all layers; after them h is x normed for the head. */
function runLayers(ops: Ops, { config, weights, work: { x, h, q, k, v, attended, gated, y }, places }: Parts): void {
  const { headDim, attentionScale, rmsEps: eps } = config
  for (const [index, w] of weights.layers.entries()) {
    const { cache, layer, rope } = places[index]
    // Each half ends by norming the sum for the next matrix: that of the next layer, or of the head.
    const nextNorm = weights.layers[index + 1]?.attentionNorm ?? weights.outputNorm

    ops.qkv({ x: h, q: { weight: w.q, out: q }, k: { weight: w.k, out: k }, v: { weight: w.v, out: v } })
    ops.qkNormRope({ q, k, qNorm: w.qNorm, kNorm: w.kNorm, headDim, eps, rope })
    ops.store({ k, v, cache, layer })
    ops.attend({ q, cache, layer, scale: attentionScale, out: attended })
    ops.project({ x: attended, weight: w.attentionOut, out: y })
    ops.addNorm({ x, y, post: w.postAttentionNorm, next: w.ffnNorm, eps, out: h })

    ops.gatedUp({ x: h, gate: w.gate, up: w.up, out: gated })
    ops.project({ x: gated, weight: w.down, out: y })
    ops.addNorm({ x, y, post: w.postFfnNorm, next: nextNorm, eps, out: h })
  }
}
