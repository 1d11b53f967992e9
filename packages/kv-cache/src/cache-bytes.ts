import { check } from './errors.js'
import { checkSize } from './sizes.js'

/** How a cache holds numbers. The same as `CacheType` of `@g3/backend`. */
export type CacheType = 'f32' | 'f16' | 'q8_0'

/** Numbers of a head that share a scale, and the bytes that they take together. */
const GROUPS: Readonly<Record<CacheType, { readonly numbers: number; readonly bytes: number }>> = {
  f32: { numbers: 1, bytes: 4 },
  f16: { numbers: 1, bytes: 2 },
  q8_0: { numbers: 32, bytes: 34 },
}

/** What a model's keys and values are like. */
export interface CacheConfig {
  readonly layers: number
  /** Every so many-th layer is global: it sees all positions. The others are local. */
  readonly pattern: number
  /** Positions that a row of a local layer sees, its own included; `undefined`: all layers are global. */
  readonly window?: number | undefined
  readonly kvHeads: number
  readonly headDim: number
}

export interface CacheUse {
  /** Positions of a text. */
  readonly context: number
  /** How keys and values are held. */
  readonly types: { readonly local: CacheType; readonly global: CacheType }
  /** Texts that share nothing. Default 1. */
  readonly sequences?: number
}

/** Bytes of keys and values, by the kind of layer. */
export interface CacheBytes {
  readonly localBytes: number
  readonly globalBytes: number
}

/**
 * What the keys and values of full texts take: all positions in global layers, the window in local ones. What a pool
 * adds, slack, room for steps and whole pages, is counted by `poolPages`; what a backend adds to a vector is in its
 * `pageBytes`.
 * @throws G3Error `kv-cache/size`
 */
export function cacheBytes(
  { layers, pattern, window, kvHeads, headDim }: CacheConfig,
  { context, types, sequences = 1 }: CacheUse,
): CacheBytes {
  for (const [name, size] of Object.entries({ layers, pattern, kvHeads, headDim, context, sequences })) {
    checkSize(name, size)
  }
  if (window !== undefined) checkSize('window', window)
  const globals = window === undefined ? layers : Math.floor(layers / pattern)
  /** Keys and values of one position in one layer. */
  const bytesIn = (type: CacheType): number => 2 * kvHeads * headBytes(headDim, type)
  return {
    localBytes: sequences * (layers - globals) * Math.min(window ?? context, context) * bytesIn(types.local),
    globalBytes: sequences * globals * context * bytesIn(types.global),
  }
}

function headBytes(headDim: number, type: CacheType): number {
  const { numbers, bytes } = GROUPS[type]
  check(headDim % numbers === 0, 'kv-cache/size', () => `${type} holds ${numbers} numbers together, not ${headDim}`)
  return (headDim / numbers) * bytes
}
