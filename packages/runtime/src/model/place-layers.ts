import type { Backend, CacheSpec, CacheStore } from '@g3/backend'
import { pool, poolPages, tableEntries, type CacheKind, type Pool } from '@g3/kv-cache'
import type { Gemma3Config, RopeConfig } from '../config.js'
import type { Size } from './size.js'

/** Where a layer keeps its keys and values, and how it rotates them. */
export interface LayerPlace {
  readonly cache: CacheStore
  /** Number of the layer within its cache. */
  readonly layer: number
  readonly rope: RopeConfig
}

export interface Places {
  /** One for each layer. */
  readonly places: readonly LayerPlace[]
  /** In the order of the pool's. */
  readonly caches: readonly CacheStore[]
  readonly pool: Pool
}

/** The layers of one kind, which share a cache. */
export interface LayerKind {
  readonly label: 'local' | 'global'
  /** Their numbers in the model. */
  readonly layers: readonly number[]
  /** Positions that a row sees, its own included; undefined: all up to its own. */
  readonly window: number | undefined
}

/**
 * Every `pattern`-th layer is global: it sees all positions and keeps their pages. The others are local: they see a
 * window, and give up the pages that it has left. A kind that the model lacks is left out.
 */
export function layerKinds({ layers, pattern, window }: Gemma3Config): readonly LayerKind[] {
  const all = Array.from({ length: layers }, (_, layer) => layer)
  const isGlobal = (layer: number): boolean => window === undefined || (layer + 1) % pattern === 0
  const kinds: LayerKind[] = [
    { label: 'local', layers: all.filter((layer) => !isGlobal(layer)), window },
    { label: 'global', layers: all.filter(isGlobal), window: undefined },
  ]
  return kinds.filter((kind) => kind.layers.length > 0)
}

/** The cache of a kind of layer. @throws G3Error `kv-cache/size` */
export function cacheSpec(
  { label, layers, window }: LayerKind,
  { kvHeads, headDim }: Gemma3Config,
  { sequences, checkpoints, context, maxRows, types }: Size,
): CacheSpec {
  const room = { window, context, maxRows }
  return {
    label,
    layers: layers.length,
    // One is for copies that are trimmed before they leave, see `page-trimmer.ts`.
    pages: poolPages({ ...room, sequences, checkpoints }) + 1,
    tableEntries: sequences * tableEntries(room),
    kvHeads,
    headDim,
    type: types[label],
  }
}

/** Makes the caches, one for each kind of layer, and the pool of their pages. */
export function placeLayers(backend: Backend, config: Gemma3Config, size: Size, budgetBytes?: number): Places {
  const placed: LayerPlace[] = []
  const caches: CacheStore[] = []
  const kinds: CacheKind[] = []
  for (const kind of layerKinds(config)) {
    const { label, layers, window } = kind
    const spec = cacheSpec(kind, config, size)
    const cache = backend.cache(spec)
    caches.push(cache)
    kinds.push({ window, pages: spec.pages - 1, pageBytes: cache.pageBytes })
    for (const [layer, member] of layers.entries()) placed[member] = { cache, layer, rope: config.rope[label] }
  }
  const { context, maxRows } = size
  return { places: placed, caches, pool: pool({ caches: kinds, context, maxRows, budgetBytes }) }
}
