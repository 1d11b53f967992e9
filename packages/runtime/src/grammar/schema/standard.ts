import { G3Error } from '@g3/backend'
import { isObject } from './json.js'

/** What is used of a Standard Schema (standardschema.dev), as Zod, Valibot, ArkType and others make them. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1
    readonly vendor: string
    readonly validate: (value: unknown) => StandardResult<Output> | Promise<StandardResult<Output>>
    readonly types?: { readonly output: Output } | undefined
  }
}

export type StandardResult<Output> =
  { readonly value: Output; readonly issues?: undefined } | { readonly issues: readonly { readonly message: string }[] }

export const isStandardSchema = (source: unknown): source is StandardSchema =>
  (typeof source === 'object' || typeof source === 'function') && source !== null && '~standard' in source

const DRAFT = 'draft-2020-12'

/**
 * The JSON Schema of a source: the source itself, or what a Standard Schema converts itself to, by its `jsonSchema` or
 * by a method `toJSONSchema`. It is that of the input, since that is what a model writes.
 * @throws G3Error `grammar/bad-schema` where a schema has no conversion of its own
 */
export function jsonSchemaOf(source: unknown): unknown {
  if (!isStandardSchema(source)) return source
  const standard: unknown = source['~standard']
  const converter = isObject(standard) && isConverter(standard.jsonSchema) ? standard.jsonSchema : undefined
  if (converter) return converter.input({ target: DRAFT })
  if (hasMethod(source)) return source.toJSONSchema({ target: DRAFT, io: 'input' })
  throw new G3Error(
    'grammar/bad-schema',
    `this ${source['~standard'].vendor} schema cannot convert itself to a JSON Schema: convert it first, and pass that`,
  )
}

type Convert = (options: object) => unknown

const isConverter = (value: unknown): value is { readonly input: Convert } =>
  typeof value === 'object' && value !== null && 'input' in value && typeof value.input === 'function'

const hasMethod = (value: object): value is { readonly toJSONSchema: Convert } =>
  'toJSONSchema' in value && typeof value.toJSONSchema === 'function'
