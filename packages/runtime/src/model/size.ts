import { check, type CacheType } from '@g3/backend'
import type { Gemma3Config } from '../config.js'

/** How caches hold keys and values, by the kind of layer. */
export interface CacheTypes {
  readonly local: CacheType
  readonly global: CacheType
}

/** How much a model is to hold. */
export interface SizeOptions {
  /** Positions that a sequence can have. Default: what the model was trained for. */
  readonly context?: number
  /** Rows of the largest step: a prompt is read in steps of so many tokens. Default 512. */
  readonly maxRows?: number
  /** Sequences that can be open at a time. Each has caches for the whole context. Default 1. */
  readonly sequences?: number
  /**
   * How keys and values are held, in all layers or in local and global ones. Default: as the backend holds them best,
   * mostly `f16`, which means 16 bits. `q8_0` takes half of that.
   */
  readonly cacheType?: CacheType | CacheTypes
  /** Checkpoints of texts that are kept for others that begin alike, beside the open sequences. Default 4. */
  readonly checkpoints?: number
}

export interface Size {
  readonly context: number
  readonly maxRows: number
  readonly sequences: number
  readonly types: CacheTypes
  readonly checkpoints: number
}

/**
 * @param cacheType where none is wanted
 * @throws G3Error `model/bad-option`
 */
export function sizeOf(options: SizeOptions, config: Gemma3Config, cacheType: CacheType): Size {
  const context = count('context', options.context ?? config.context, config.context)
  return {
    context,
    maxRows: Math.min(count('maxRows', options.maxRows ?? 512, 65_536), context),
    sequences: count('sequences', options.sequences ?? 1, 1024),
    types: cacheTypes(options.cacheType ?? cacheType),
    checkpoints: count('checkpoints', options.checkpoints ?? 4, 1024),
  }
}

function cacheTypes(wanted: CacheType | CacheTypes): CacheTypes {
  const types = typeof wanted === 'object' ? wanted : { local: wanted, global: wanted }
  for (const type of [types.local, types.global]) {
    const held = type === 'f32' || type === 'f16' || type === 'q8_0'
    check(held, 'model/bad-option', () => `cacheType is ${type}; it must be f32, f16 or q8_0`)
  }
  return types
}

function count(name: string, value: number, most: number): number {
  const held = Number.isInteger(value) && value >= 1 && value <= most
  check(held, 'model/bad-option', () => `${name} is ${value}; it must be a whole number from 1 to ${most}`)
  return value
}
