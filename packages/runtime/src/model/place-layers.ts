import type { Backend, CacheStore } from '@g3/backend'
import { linear, regions, ring, type CachePlan } from '@g3/kv-cache'
import type { Gemma3Config, RopeConfig } from '../config.js'

/** Where a layer keeps its keys and values, and how it rotates them. */
export interface LayerPlace {
  readonly cache: CacheStore
  /** Number of the layer within its cache. */
  readonly layer: number
  readonly rope: RopeConfig
}

export interface Places {
  /** One for each layer. */
  readonly layers: readonly LayerPlace[]
  readonly caches: readonly CacheStore[]
  /** For each sequence its region of each cache. */
  readonly plans: readonly (readonly CachePlan[])[]
}

/** How much the caches hold. */
export interface CacheSize {
  readonly sequences: number
  /** Positions of each sequence. */
  readonly context: number
  /** Rows of one sequence in the largest step. */
  readonly maxRows: number
}

/**
 * Every `pattern`-th layer is global: it sees all positions and has a slot for each. The others are local: they see a
 * window and share a ring. One cache for each kind; a kind that the model lacks gets none.
 */
export function placeLayers(
  backend: Backend,
  { layers, pattern, window, kvHeads, headDim, rope }: Gemma3Config,
  { sequences, context, maxRows }: CacheSize,
): Places {
  const isGlobal = (layer: number): boolean => window === undefined || (layer + 1) % pattern === 0
  const caches: CacheStore[] = []
  const plans: CachePlan[][] = Array.from({ length: sequences }, () => [])
  const placed: LayerPlace[] = []

  const open = (label: string, members: readonly number[], plan: CachePlan, ropeOfKind: RopeConfig): void => {
    if (members.length === 0) return
    const { slots, plans: ofSequences } = regions(plan, sequences)
    const cache = backend.cache({ label, layers: members.length, slots, kvHeads, headDim })
    caches.push(cache)
    for (const [index, own] of ofSequences.entries()) plans[index].push(own)
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
