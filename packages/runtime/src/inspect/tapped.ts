import {
  check,
  type Backend,
  type Buffer,
  type CacheStore,
  type Ops,
  type Program,
  type Step,
  type Weight,
} from '@g3/backend'
import type { Gemma3Config } from '../config.js'
import { layerKinds } from '../model/place-layers.js'
import { oneHotRows } from './one-hot.js'

/** What a pass leaves to be read. */
export interface Taps {
  /** x before the first layer and after each, normed for the head: [rows, width] each. */
  readonly streams: readonly Buffer[]
  /**
   * Weights of attention of each layer, in blocks of headDim positions: [rows, heads · headDim] each, a number for each head
   * and position of the block.
   */
  readonly weights: readonly (readonly Buffer[])[]
  /** The matrix of the head. */
  readonly embedding: () => Weight
  /** Rows of the last pass. */
  readonly rows: () => number
}

export interface TappedBackend {
  /** Loads and runs the model as the one it is made of, and fills the taps. */
  readonly backend: Backend
  readonly taps: Taps
}

/** A cache with the keys of another, whose values are the positions of a block. */
interface Probe {
  readonly cache: CacheStore
  readonly values: Buffer
}

/**
 * A backend whose model can be looked into, by ops that all backends have. A text's positions are stored as values, ones and
 * zeros, beside each key: so what attention sums over them are its weights, as this backend computes them. And after each
 * layer the residual stream is normed for the head as after the last.
 * @param room positions of a text, rows of the largest step
 */
export async function tapped(
  inner: Backend,
  config: Gemma3Config,
  room: { readonly context: number; readonly rows: number },
): Promise<TappedBackend> {
  const { layers, width, heads, kvHeads, headDim, rmsEps: eps } = config
  const blocks = Array.from({ length: Math.ceil(room.context / headDim) }, (_, block) => block)
  const oneHot = await inner.load(oneHotRows(headDim, kvHeads))
  const streams = Array.from({ length: layers + 1 }, (_, layer) => inner.buffer(`stream ${layer}`, room.rows, width))
  const weights = Array.from({ length: layers }, (_, layer) =>
    blocks.map((block) => inner.buffer(`weights ${layer}.${block}`, room.rows, heads * headDim)),
  )
  const values = blocks.map((block) => {
    const buffer = inner.buffer(`positions ${block}`, room.rows, kvHeads * headDim)
    const program = inner.record(buffer.label, (ops) => ops.embed({ weight: oneHot, scale: 1, out: buffer }))
    return { buffer, program, ids: new Int32Array(room.rows) }
  })
  const kinds = new Map(layerKinds(config).map(({ label, layers: members }) => [label as string, members]))
  const probes = new Map<CacheStore, readonly Probe[]>()
  const named = new Map<string, Weight>()
  const tappedPrograms = new Set<Program>()
  let rows = 0
  /** The residual stream: all programs of layers go through one buffer. */
  let x: Buffer | undefined

  const weightNamed = (name: string): Weight => {
    const weight = named.get(name)
    check(weight !== undefined, 'inspect/no-weight', () => `the model has not loaded ${name}`)
    return weight
  }
  const probesOf = (cache: CacheStore): readonly Probe[] => probes.get(cache) ?? []

  /** The ops of a program that runs layers, with taps; `end` is for what stands after the last of them. */
  const tapping = (ops: Ops): { readonly ops: Ops; end(): boolean } => {
    let layer = 0
    const tap = (): void => {
      if (x) ops.norm({ x, weight: weightNamed('output_norm.weight'), eps, out: streams[layer] })
    }
    const tappedOps: Ops = {
      ...ops,
      embed(args) {
        x = args.out
        ops.embed(args)
      },
      qkv(args) {
        tap()
        ops.qkv(args)
      },
      store(args) {
        ops.store(args)
        for (const { cache, values: v } of probesOf(args.cache)) ops.store({ ...args, v, cache })
      },
      attend(args) {
        const { label } = args.cache.spec
        const member = kinds.get(label)?.[args.layer]
        check(member !== undefined, 'inspect/layers', () => `cache ${label} has a layer ${args.layer} of no model's`)
        for (const [block, { cache }] of probesOf(args.cache).entries()) {
          ops.attend({ ...args, cache, out: weights[member][block] })
        }
        ops.attend(args)
        layer++
      },
    }
    return {
      ops: tappedOps,
      end() {
        if (layer > 0) tap()
        return layer > 0
      },
    }
  }

  const backend: Backend = {
    ...inner,
    // One program runs all layers, and logits are read: then nothing escapes the taps.
    caps: { ...inner.caps, runsAhead: false, logitOps: false, rankStep: 0 },
    async load(tensor, signal) {
      const weight = await inner.load(tensor, signal)
      named.set(tensor.name, weight)
      return weight
    },
    cache(spec) {
      const cache = inner.cache(spec)
      const ofCache = values.map(({ buffer }, block): Probe => {
        const type = spec.type === 'q8_0' ? inner.caps.cacheType : spec.type
        return { cache: inner.cache({ ...spec, type, label: `${spec.label} ${block}` }), values: buffer }
      })
      probes.set(cache, ofCache)
      return cache
    },
    record(label, build) {
      let isTapped = false
      const program = inner.record(label, (ops) => {
        const tap = tapping(ops)
        build(tap.ops)
        isTapped = tap.end()
      })
      if (isTapped) tappedPrograms.add(program)
      return program
    },
    run(program, step) {
      if (!tappedPrograms.has(program)) return inner.run(program, step)
      const { positions = new Int32Array(0), views = [] } = step
      rows = step.rows
      for (const [block, { program: place, ids }] of values.entries()) {
        for (let row = 0; row < rows; row++) {
          const at = positions[row] - block * headDim
          ids[row] = at >= 0 && at < headDim ? at : headDim
        }
        inner.run(place, { rows, ids })
      }
      inner.run(program, { ...step, views: withProbes(views, probes) })
    },
    copyPage(cache, from, to) {
      inner.copyPage(cache, from, to)
      for (const probe of probesOf(cache)) inner.copyPage(probe.cache, from, to)
    },
  }
  return { backend, taps: { streams, weights, embedding: () => weightNamed('token_embd.weight'), rows: () => rows } }
}

/** Probes lie in pages as the caches that they stand beside. */
function withProbes(
  views: NonNullable<Step['views']>,
  probes: ReadonlyMap<CacheStore, readonly Probe[]>,
): NonNullable<Step['views']> {
  const all = views.slice()
  for (const [{ index }, ofCache] of probes) for (const { cache } of ofCache) all[cache.index] = views[index]
  return all
}
