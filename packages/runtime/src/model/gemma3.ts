import { check, type Backend, type Buffer, type CacheStore, type PackedTensor, type Program } from '@g3/backend'
import { linear, ring, type CachePlan } from '@g3/kv-cache'
import type { Gemma3Config, RopeConfig } from '../config.js'
import { loadWeights, type Gemma3Weights, type LoadProgress } from './load-weights.js'
import { tokenCount } from './logits.js'
import { textSequence, type TextSequence } from './text-sequence.js'

export type { TextSequence } from './text-sequence.js'

/** A loaded Gemma 3 text model. Its weights live in the backend, which its owner disposes. */
export interface Gemma3 extends AsyncDisposable {
  readonly config: Gemma3Config
  /** Positions that a sequence can have. */
  readonly context: number
  /**
   * A text of no tokens yet. One at a time: it uses the model's only caches.
   * @throws G3Error `model/busy` while another is open, `model/disposed`
   */
  sequence(): TextSequence
}

export interface Gemma3Options extends LoadProgress {
  /** Positions that a sequence can have. Default: what the model was trained for. */
  readonly context?: number
  /** Rows of the largest step: a prompt is read in steps of so many tokens. Default 256. */
  readonly maxRows?: number
}

/** Rows whose logits are computed at a time: 1 MiB each with the real vocabulary. */
const HEAD_ROWS = 8

/**
 * Loads the weights and records the two programs that are the model: the body, from token ids to normed hidden states
 * through all layers, and the head, from those to logits and the likeliest token.
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
  const context = count('context', options.context ?? config.context, config.context)
  const maxRows = Math.min(count('maxRows', options.maxRows ?? 256, 65_536), context)
  const weights = await loadWeights(backend, tensors, config, options)

  const work = allocate(backend, config, maxRows)
  const places = placeLayers(backend, config, context, maxRows)
  const body = recordBody(backend, config, weights, work, places.layers)
  const head = recordHead(backend, config, weights, work)

  let open: TextSequence | undefined
  let disposed = false
  return {
    config,
    context,
    sequence() {
      check(!disposed, 'model/disposed', 'this model was disposed; load it again')
      check(open === undefined, 'model/busy', 'this model has an open sequence; dispose of it before opening another')
      open = textSequence(
        { backend, config, context, maxRows, body, head, ...work, ...places },
        () => (open = undefined),
      )
      return open
    },
    async [Symbol.asyncDispose]() {
      disposed = true
      open?.[Symbol.dispose]()
    },
  }
}

/** Every buffer that a step writes, named and allocated once. */
function allocate(backend: Backend, { width, ffn, heads, kvHeads, headDim, vocab }: Gemma3Config, maxRows: number) {
  const buffer = (label: string, cols: number): Buffer => backend.buffer(label, maxRows, cols)
  return {
    /** The residual stream. */
    x: buffer('x', width),
    /** x normed: what the next matrix reads, and after the last layer what the head reads. */
    h: buffer('h', width),
    q: buffer('q', heads * headDim),
    k: buffer('k', kvHeads * headDim),
    v: buffer('v', kvHeads * headDim),
    attended: buffer('attended', heads * headDim),
    gated: buffer('gated', ffn),
    /** What attention or the feed-forward layer adds to x. */
    y: buffer('y', width),
    logits: backend.buffer('logits', HEAD_ROWS, vocab),
    picked: backend.buffer('picked', HEAD_ROWS, 1),
  }
}

type Work = ReturnType<typeof allocate>

/** Where a layer keeps its keys and values, and how it rotates them. */
interface LayerPlace {
  readonly cache: CacheStore
  /** Number of the layer within its cache. */
  readonly layer: number
  readonly rope: RopeConfig
}

/**
 * Every `pattern`-th layer is global: it sees all positions and has a slot for each. The others are local: they see a
 * window and share a ring. One cache for each kind; a kind that the model lacks gets none.
 */
function placeLayers(backend: Backend, config: Gemma3Config, context: number, maxRows: number) {
  const { layers, pattern, window, kvHeads, headDim, rope } = config
  const isGlobal = (layer: number): boolean => window === undefined || (layer + 1) % pattern === 0
  const caches: CacheStore[] = []
  const plans: CachePlan[] = []
  const placed: LayerPlace[] = []

  const open = (label: string, members: readonly number[], plan: CachePlan, ropeOfKind: RopeConfig): void => {
    if (members.length === 0) return
    const cache = backend.cache({ label, layers: members.length, slots: plan.slots, kvHeads, headDim })
    caches.push(cache)
    plans.push(plan)
    for (const [layer, member] of members.entries()) placed[member] = { cache, layer, rope: ropeOfKind }
  }
  const all = Array.from({ length: layers }, (_, layer) => layer)
  if (window !== undefined) {
    open(
      'local',
      all.filter((layer) => !isGlobal(layer)),
      ring({ window, slack: maxRows, context }),
      rope.local,
    )
  }
  open('global', all.filter(isGlobal), linear({ context }), rope.global)
  return { caches, plans, layers: placed }
}

/** ids -> h, the hidden states after all layers, normed for the head. */
function recordBody(
  backend: Backend,
  config: Gemma3Config,
  weights: Gemma3Weights,
  { x, h, q, k, v, attended, gated, y }: Work,
  places: readonly LayerPlace[],
): Program {
  const { width, headDim, attentionScale, rmsEps: eps } = config

  return backend.record('body', (ops) => {
    // sqrt(width) in f32. In bf16 training it was rounded to bf16; the published f32 arithmetic does not round it.
    ops.embed({ weight: weights.embedding, scale: Math.fround(Math.sqrt(width)), out: x })
    ops.norm({ x, weight: weights.layers[0].attentionNorm, eps, out: h })

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
  })
}

/** h -> logits, through the embedding once more, and the likeliest id of those that are tokens. */
function recordHead(
  backend: Backend,
  config: Gemma3Config,
  weights: Gemma3Weights,
  { h, logits, picked }: Work,
): Program {
  return backend.record('head', (ops) => {
    ops.logits({ x: h, weight: weights.embedding, out: logits })
    ops.pick({ logits, limit: tokenCount(config), out: picked })
  })
}

function count(name: string, value: number, most: number): number {
  const held = Number.isInteger(value) && value >= 1 && value <= most
  check(held, 'model/bad-option', () => `${name} is ${value}; it must be a whole number from 1 to ${most}`)
  return value
}
