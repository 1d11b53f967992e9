import { check } from '@g3/backend'

/** Where fields come from, for reading and for messages. */
export interface FieldSource {
  /** First part of the error codes. */
  readonly area: 'gguf' | 'safetensors'
  /** What people call the file. */
  readonly name: string
  /** Undefined (or null, in JSON) when there is no such key. */
  get(key: string): unknown
}

/**
 * Typed access to a file's keys. A key that is there with another type or outside its range throws `<area>/bad-key`.
 */
export interface Fields {
  /** A whole number in [least, most]; `fallback` when the key is absent, else `<area>/missing-key`. */
  whole(key: string, range: Range, fallback?: number): number
  /** A finite number in [least, most], likewise. */
  real(key: string, range: Range, fallback?: number): number
  /** Undefined when the key is absent. */
  text(key: string): string | undefined
  /** Undefined when the key is absent. */
  flag(key: string): boolean | undefined
  /** Refuses what would compute, but not what the file's model is. @throws G3Error `<area>/unsupported-model` */
  only(condition: boolean, what: () => string): void
}

export interface Range {
  readonly least: number
  readonly most: number
}

export function fieldsOf({ area, name, get }: FieldSource): Fields {
  const expect: (condition: boolean, key: string, value: unknown, what: string) => asserts condition = (
    condition,
    key,
    value,
    what,
  ) => check(condition, `${area}/bad-key`, () => `${name} has ${show(value)} for ${key}; ${what} is expected`)

  function real(key: string, { least, most }: Range, fallback?: number): number {
    const value = get(key) ?? fallback
    check(
      value !== undefined,
      `${area}/missing-key`,
      () => `${name} lacks the key ${key}: get a complete conversion of the model`,
    )
    const inRange = typeof value === 'number' && value >= least && value <= most
    expect(inRange, key, value, `a number from ${least} to ${most}`)
    return value
  }
  return {
    real,
    whole(key, range, fallback) {
      const value = real(key, range, fallback)
      expect(Number.isInteger(value), key, value, 'a whole number')
      return value
    },
    text(key) {
      const value = get(key) ?? undefined
      expect(value === undefined || typeof value === 'string', key, value, 'a string')
      return value
    },
    flag(key) {
      const value = get(key) ?? undefined
      expect(value === undefined || typeof value === 'boolean', key, value, 'true or false')
      return value
    },
    only(condition, what) {
      check(
        condition,
        `${area}/unsupported-model`,
        () => `${name} has ${what()}; Gemma 3 models do not, and g3 does not compute it`,
      )
    },
  }
}

/** A value in a few characters. */
function show(value: unknown): string {
  if (typeof value === 'object') return Array.isArray(value) || ArrayBuffer.isView(value) ? 'an array' : 'an object'
  return typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value)
}
