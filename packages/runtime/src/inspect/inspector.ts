import { check, isG3Error, type Backend, type PackedTensor } from '@g3/backend'
import type { Tower } from '@g3/vision'
import type { Gemma3Config } from '../config.js'
import { loadGemma3, type Images, type TextSequence } from '../model/gemma3.js'
import { finishLogits, logSumExp } from '../model/logits.js'
import { layerKinds, type LayerKind } from '../model/place-layers.js'
import { ranking, topK, type Ranking } from '../sampling/top-k.js'
import { tapped } from './tapped.js'

export interface InspectorOptions {
  /** Positions of a text, which the taps keep room for. Default 256, or what the model was trained for when that is less. */
  readonly context?: number
  /** The image encoder, on the same backend: texts may have images then. */
  readonly tower?: Tower
  readonly signal?: AbortSignal
  /** Weight bytes loaded, of how many. */
  readonly onProgress?: (done: number, total: number) => void
}

export interface LookOptions {
  /** Most candidates of each layer. Default 8. */
  readonly candidates?: number
  readonly signal?: AbortSignal
}

/** A token that may come next. */
export interface Candidate {
  readonly id: number
  /** Of all tokens, from 0 to 1. */
  readonly probability: number
}

/** What would come next if the model ended here: the logit lens. */
export interface LensLook {
  /** The likeliest first. */
  readonly candidates: readonly Candidate[]
  /** Bits of surprise that are left: the entropy of all candidates. */
  readonly entropy: number
}

export interface LayerLook extends LensLook {
  readonly kind: LayerKind['label']
  /**
   * [heads, positions] how much of what each head gathers for the last token comes from each position: a head's sum is 1. A
   * local layer's are 0 before its window.
   */
  readonly attention: Float32Array
}

/** What a model makes of a text's last token. */
export interface Look {
  /** Positions of the text. */
  readonly positions: number
  /** What would come next before any layer: the same lens on the embedding. */
  readonly embedding: LensLook
  readonly layers: readonly LayerLook[]
  /** [vocab] the model's own logits, that come out of the last layer: −Infinity for ids that are no tokens. */
  readonly logits: Float32Array
}

/** A text model that shows what happens in its layers. */
export interface Inspector extends AsyncDisposable {
  readonly config: Gemma3Config
  readonly context: number
  /** Where it was loaded with an image encoder. */
  readonly images: Images | undefined
  /**
   * Reads a text, as far as it differs from the one before, and tells of its last token.
   * @throws G3Error `inspect/empty`, `inspect/bad-option`, `inspect/busy`; `model/context-full`, `model/bad-id`; what the backend
   * throws; the signal's reason
   */
  look(ids: ArrayLike<number>, options?: LookOptions): Promise<Look>
}

const CONTEXT = 256
/** Rows of a step: what the taps keep is as large as it. */
const ROWS = 64
/** Taps that go through the head together. */
const LENS_ROWS = 8

/**
 * Loads a model so that it can be looked into: attention's weights and the logit lens, as this backend computes
 * them. The model and all its ops are those that generate; loaded in the usual way it has no taps, and they cost nothing.
 *
 * Source of the lens: nostalgebraist, "interpreting GPT: the logit lens" (2020).
 * @param backend stays yours
 * @throws G3Error as `loadGemma3`; `inspect/bad-option`
 */
export async function inspector(
  backend: Backend,
  tensors: (name: string) => PackedTensor,
  config: Gemma3Config,
  options: InspectorOptions = {},
): Promise<Inspector> {
  const { context = Math.min(CONTEXT, config.context), tower, signal, onProgress } = options
  const isHeld = Number.isInteger(context) && context >= 1 && context <= Math.min(4096, config.context)
  check(isHeld, 'inspect/bad-option', () => `context is ${context}; it must be a whole number from 1 to 4096`)
  const rows = Math.min(Math.max(ROWS, tower?.tokens ?? 0), context)
  const { backend: watched, taps } = await tapped(backend, config, { context, rows })
  const model = await loadGemma3(watched, tensors, config, {
    context,
    maxRows: rows,
    checkpoints: 1,
    ...(tower && { tower }),
    ...(signal && { signal }),
    ...(onProgress && { onProgress }),
  })
  const { vocab, width, heads, headDim } = config
  const sequence = model.sequence()
  const lensed = backend.buffer('lens', LENS_ROWS, width)
  const out = backend.buffer('lens logits', LENS_ROWS, vocab)
  const head = backend.record('lens', (ops) => ops.logits({ x: lensed, weight: taps.embedding(), out }))
  const kindOf = new Map(
    layerKinds(config).flatMap(({ label, layers }) => layers.map((layer) => [layer, label] as const)),
  )
  let isBusy = false

  /** The last token's x at each tap, [taps, width]. */
  const lastRows = async (): Promise<Float32Array> => {
    const rows = new Float32Array(taps.streams.length * width)
    for (const [tap, buffer] of taps.streams.entries()) {
      const values = await backend.read(buffer, taps.rows())
      rows.set(values.subarray((taps.rows() - 1) * width), tap * width)
    }
    return rows
  }

  /** Reads every tap through the head, some at a time: so its matrix is read once for them all. */
  const lenses = async (
    into: Ranking,
  ): Promise<{ readonly looks: readonly LensLook[]; readonly logits: Float32Array }> => {
    const rows = await lastRows()
    const looks: LensLook[] = []
    let logits: Float32Array = new Float32Array(vocab)
    for (let first = 0; first < taps.streams.length; first += LENS_ROWS) {
      const group = rows.subarray(first * width, (first + LENS_ROWS) * width)
      const count = group.length / width
      await backend.write(lensed, group)
      backend.run(head, { rows: count })
      const all = await backend.read(out, count)
      for (let row = 0; row < count; row++) {
        logits = all.subarray(row * vocab, (row + 1) * vocab)
        looks.push(lookOf(logits, into))
      }
    }
    return { looks, logits: logits.slice() }
  }

  const lookOf = (logits: Float32Array, into: Ranking): LensLook => {
    finishLogits(logits, config)
    const sum = logSumExp(logits)
    topK(logits, into.ids.length, into)
    const candidates = Array.from(into.ids.subarray(0, into.size), (id, n) => ({
      id,
      probability: Math.exp(into.values[n] - sum),
    }))
    return { candidates, entropy: entropyOf(logits, sum) }
  }

  const attention = async (layer: number, positions: number): Promise<Float32Array> => {
    const weights = new Float32Array(heads * positions)
    for (const [block, buffer] of taps.weights[layer].entries()) {
      const first = block * headDim
      const count = Math.min(headDim, positions - first)
      if (count <= 0) break
      const values = await backend.read(buffer, taps.rows())
      const row = values.subarray((taps.rows() - 1) * heads * headDim)
      for (let head = 0; head < heads; head++) {
        weights.set(row.subarray(head * headDim, head * headDim + count), head * positions + first)
      }
    }
    return weights
  }

  const look = async (ids: Int32Array, count: number, abort: AbortSignal | undefined): Promise<Look> => {
    await readText(sequence, ids, abort)
    const { looks, logits } = await lenses(ranking(count))
    const [embedding, ...afterEach] = looks
    const layers: LayerLook[] = []
    for (const [layer, lens] of afterEach.entries()) {
      abort?.throwIfAborted()
      layers.push({ kind: kindOf.get(layer) ?? 'global', attention: await attention(layer, ids.length), ...lens })
    }
    return { positions: ids.length, embedding, layers, logits }
  }

  return {
    config,
    context,
    images: model.images,
    async look(text, { candidates = 8, signal: abort } = {}) {
      const ids = Int32Array.from(text)
      check(ids.length > 0, 'inspect/empty', 'there is no token to look at: give at least one, such as BOS')
      check(
        Number.isInteger(candidates) && candidates >= 1 && candidates <= 64,
        'inspect/bad-option',
        () => `candidates is ${candidates}; it must be a whole number from 1 to 64`,
      )
      check(!isBusy, 'inspect/busy', 'a text is being looked at: wait for that')
      isBusy = true
      try {
        return await look(ids, candidates, abort)
      } catch (error) {
        if (!isG3Error(error) || error.code !== 'backend/lost') throw error
        await model.recover()
        sequence.reset()
        return await look(ids, candidates, abort)
      } finally {
        isBusy = false
      }
    },
    [Symbol.asyncDispose]: () => model[Symbol.asyncDispose](),
  }
}

/** Brings the sequence to these tokens, the last of them read anew. */
async function readText(sequence: TextSequence, ids: Int32Array, signal: AbortSignal | undefined): Promise<void> {
  const kept = Math.min(sequence.shared(ids), ids.length - 1)
  try {
    sequence.rewind(kept)
  } catch (error) {
    if (!isG3Error(error) || error.code !== 'kv-cache/rewound-past-window') throw error
    sequence.reset()
  }
  await sequence.append(ids.subarray(sequence.length), { ...(signal && { signal }) })
}

/** In bits. */
function entropyOf(logits: Float32Array, sum: number): number {
  let nats = 0
  for (let id = 0; id < logits.length; id++) {
    const log = logits[id] - sum
    // What has no probability left adds nothing; −Infinity times 0 would be no number.
    if (log > -80) nats -= Math.exp(log) * log
  }
  return nats / Math.LN2
}
