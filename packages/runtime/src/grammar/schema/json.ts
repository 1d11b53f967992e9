import { G3Error } from '@g3/backend'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }
export type JsonObject = { readonly [name: string]: Json }
/** A JSON Schema. */
export type Schema = boolean | JsonObject

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
export const isSchema = (value: unknown): value is Schema => typeof value === 'boolean' || isObject(value)
export const isList = (value: unknown): value is readonly Json[] => Array.isArray(value)

/** Own members only: a schema may name a property `constructor`. */
export const member = (object: JsonObject, name: string): Json | undefined =>
  Object.hasOwn(object, name) ? object[name] : undefined

/** A text that values share just when they are equal, whatever the order of their members. */
export function canonical(value: Json): string {
  if (isList(value)) return `[${value.map(canonical).join()}]`
  if (!isObject(value)) return JSON.stringify(value)
  return `{${Object.keys(value)
    .sort()
    .map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`)
    .join()}}`
}

export const unsupported = (keyword: string, path: string, why: string): G3Error =>
  new G3Error('grammar/unsupported', `${keyword} at ${path} cannot be enforced: ${why}`)

export const badSchema = (keyword: string, path: string, want: string): G3Error =>
  new G3Error('grammar/bad-schema', `${keyword} at ${path} must be ${want}`)
