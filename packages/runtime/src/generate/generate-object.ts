import { check, G3Error } from '@g3/backend'
import { constraints } from '../grammar/constraint.js'
import { compileSchema, type SchemaOptions } from '../grammar/schema/compile.js'
import { isStandardSchema, type StandardSchema } from '../grammar/schema/standard.js'
import type { GenerationResult } from './generation.js'
import type { Model } from './model.js'
import type { GenerateOptions, Prompt } from './options.js'

export interface ObjectOptions<T> extends Omit<GenerateOptions, 'constraint' | 'stop'>, SchemaOptions {
  /** A JSON Schema, or a Standard Schema that converts itself to one: Zod's and others. */
  readonly schema: StandardSchema<T> | object | boolean
}

export interface ObjectResult<T> extends GenerationResult {
  /** What was written, as the schema's own `validate` returns it where it has one. */
  readonly object: T
}

/**
 * Answers a prompt with a value of a schema.
 * @throws G3Error as `compileSchema` and `Model.generate`; `generate/incomplete-object` where the text ended before its
 * value did; `generate/invalid-object` where a Standard Schema checks more than its JSON Schema says; the signal's reason
 */
export async function generateObject<T = unknown>(
  model: Pick<Model, 'generate' | 'vocabulary'>,
  prompt: Prompt,
  { schema, whitespace, order, open, ...options }: ObjectOptions<T>,
): Promise<ObjectResult<T>> {
  const grammar = compileSchema(schema, {
    ...(whitespace && { whitespace }),
    ...(order && { order }),
    ...(open !== undefined && { open }),
  })
  const constraint = constraints(grammar, model.vocabulary()).start()
  const result = await model.generate(prompt, { ...options, constraint }).result()
  if (result.stopReason === 'aborted') options.signal?.throwIfAborted()
  check(
    constraint.isComplete(),
    'generate/incomplete-object',
    () =>
      `the text ended by ${result.stopReason} after ${result.ids.length} tokens, within its value: allow more tokens`,
  )
  return { ...result, object: await validated(schema, JSON.parse(result.text)) }
}

/**
 * The value as a schema's own `validate` returns it, where it has one.
 * @throws G3Error `generate/invalid-object`
 */
export async function validated<T>(schema: ObjectOptions<T>['schema'], value: unknown): Promise<T> {
  if (!isStandard<T>(schema)) return trusted<T>(value)
  const checked = await schema['~standard'].validate(value)
  if (checked.issues) {
    throw new G3Error(
      'generate/invalid-object',
      `the value does not pass the schema's own checks: ${checked.issues.map(({ message }) => message).join('; ')}`,
    )
  }
  return checked.value
}

const isStandard = <T>(schema: ObjectOptions<T>['schema']): schema is StandardSchema<T> => isStandardSchema(schema)

/** The constraint has seen to it that the value is what the schema says. */
function trusted<T>(value: unknown): T
function trusted(value: unknown): unknown {
  return value
}
