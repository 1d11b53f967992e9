import { check } from '@g3/backend'
import type { Gguf } from './gguf.js'

/**
 * Typed access to a header's keys. A key that is there with another type or outside its range throws `gguf/bad-key`.
 */
export interface Fields {
  /** A whole number in [least, most]; `fallback` when the key is absent, else `gguf/missing-key`. */
  whole(key: string, range: Range, fallback?: number): number
  /** A finite number in [least, most], likewise. */
  real(key: string, range: Range, fallback?: number): number
  /** Undefined when the key is absent. */
  text(key: string): string | undefined
  /** Undefined when the key is absent. */
  flag(key: string): boolean | undefined
}

export interface Range {
  readonly least: number
  readonly most: number
}

export function fieldsOf({ metadata, source }: Pick<Gguf, 'metadata' | 'source'>): Fields {
  function real(key: string, { least, most }: Range, fallback?: number): number {
    const value = metadata.get(key) ?? fallback
    check(
      value !== undefined,
      'gguf/missing-key',
      () => `${source.name} lacks the key ${key}: get a complete conversion of the model`,
    )
    check(
      typeof value === 'number' && value >= least && value <= most,
      'gguf/bad-key',
      () => `${source.name} has ${show(value)} for ${key}; a number from ${least} to ${most} is expected`,
    )
    return value
  }
  return {
    real,
    whole(key, range, fallback) {
      const value = real(key, range, fallback)
      check(
        Number.isInteger(value),
        'gguf/bad-key',
        () => `${source.name} has ${value} for ${key}; a whole number is expected`,
      )
      return value
    },
    text(key) {
      const value = metadata.get(key)
      check(
        value === undefined || typeof value === 'string',
        'gguf/bad-key',
        () => `${source.name} has ${show(value)} for ${key}; a string is expected`,
      )
      return value
    },
    flag(key) {
      const value = metadata.get(key)
      check(
        value === undefined || typeof value === 'boolean',
        'gguf/bad-key',
        () => `${source.name} has ${show(value)} for ${key}; true or false is expected`,
      )
      return value
    },
  }
}

/** A value in a few characters. */
function show(value: unknown): string {
  if (typeof value === 'object') return 'an array'
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value)
}
