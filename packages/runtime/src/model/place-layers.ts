import type { Backend, CacheStore, CacheType } from '@g3/backend'
import { pool, tableEntries, textPages, type CacheKind, type Pool } from '@g3/kv-cache'
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
  /** In the order of the pool's. */
  readonly caches: readonly CacheStore[]
  readonly pool: Pool
}

/** How caches hold keys and values, by the kind of layer. */
export interface CacheTypes {
  readonly local: CacheType
  readonly global: CacheType
}

/** How much the caches hold. */
export interface CacheSize {
  readonly sequences: number
  /** Checkpoints beside the sequences: each may hold a window of its own. */
  readonly checkpoints: number
  /** Positions of each sequence. */
  readonly context: number
  /** Rows of one sequence in the largest step. */
  readonly maxRows: number
  readonly types: CacheTypes
  readonly budgetBytes?: number | undefined
}

/**
 * Every `pattern`-th layer is global: it sees all positions and keeps their pages. The others are local: they see a
 * window, and give up the pages that it has left. One cache for each kind; a kind that the model lacks gets none.
 */
export function placeLayers(
  backend: Backend,
  { layers, pattern, window, kvHeads, headDim, rope }: Gemma3Config,
  { sequences, checkpoints, context, maxRows, types, budgetBytes }: CacheSize,
): Places {
  const isGlobal = (layer: number): boolean => window === undefined || (layer + 1) % pattern === 0
  const all = Array.from({ length: layers }, (_, layer) => layer)
  const placed: LayerPlace[] = []
  const caches: CacheStore[] = []
  const kinds: CacheKind[] = []

  const open = (
    label: 'local' | 'global',
    members: readonly number[],
    seen: number | undefined,
    pages: number,
  ): void => {
    if (members.length === 0) return
    const cache = backend.cache({
      label,
      layers: members.length,
      pages,
      tableEntries: sequences * tableEntries({ window: seen, context, maxRows }),
      kvHeads,
      headDim,
      type: types[label],
    })
    caches.push(cache)
    kinds.push({ window: seen, pages, pageBytes: cache.pageBytes })
    for (const [layer, member] of members.entries()) placed[member] = { cache, layer, rope: rope[label] }
  }
  const textsPages = (texts: number, seen: number | undefined): number =>
    texts * textPages({ window: seen, context, maxRows })
  open(
    'local',
    all.filter((layer) => !isGlobal(layer)),
    window,
    textsPages(sequences + checkpoints, window),
  )
  // A checkpoint shares its pages with a sequence, but for the one that both went on writing.
  open('global', all.filter(isGlobal), undefined, textsPages(sequences, undefined) + checkpoints)
  return { layers: placed, caches, pool: pool({ caches: kinds, context, maxRows, budgetBytes }) }
}
