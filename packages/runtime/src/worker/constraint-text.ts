import { G3Error } from '@g3/backend'
import { constraints, type Constraints } from '../grammar/constraint.js'
import { compileGbnf } from '../grammar/gbnf/compile.js'
import type { Vocabulary } from '../grammar/mask/vocabulary.js'
import type { Grammar } from '../grammar/part.js'
import { compileRegex } from '../grammar/regex/grammar.js'
import { compileSchema, type SchemaOptions } from '../grammar/schema/compile.js'
import { toolGrammar, type ToolGrammarOptions } from '../tools/grammar.js'
import type { Tool } from '../tools/tool.js'
import { isStandardSchema, jsonSchemaOf, type StandardSchema } from '../grammar/schema/standard.js'

/** A constraint as it crosses threads: what it is compiled from. */
export type ConstraintText = SchemaText | ToolText | { readonly regex: string } | { readonly gbnf: string }

export interface SchemaText extends SchemaOptions {
  /** A JSON Schema, or a Standard Schema that converts itself to one. */
  readonly schema: StandardSchema | object | boolean
}

/** Text and calls of tools, as `toolGrammar` has them. */
export interface ToolText extends ToolGrammarOptions {
  /** What they do is not asked. */
  readonly tools: readonly Tool[]
}

/** The text without functions: a Standard Schema as the JSON Schema that it converts itself to. */
export function plainText(text: ConstraintText): ConstraintText {
  if ('schema' in text) return plainSchema(text)
  if (!('tools' in text)) return text
  const tools = text.tools.map(({ name, parameters }) => ({
    name,
    ...(parameters && { parameters: objectOf(jsonSchemaOf(parameters)) }),
  }))
  return { ...text, tools }
}

function objectOf(schema: unknown): object {
  if (typeof schema === 'object' && schema !== null) return schema
  throw new G3Error('grammar/bad-schema', 'the parameters of a tool are no JSON Schema of an object')
}

/** @throws G3Error `grammar/bad-schema` where it cannot convert itself */
export function plainSchema(text: SchemaText): SchemaText {
  if (!isStandardSchema(text.schema)) return text
  const schema: unknown = jsonSchemaOf(text.schema)
  if (typeof schema !== 'boolean' && (typeof schema !== 'object' || schema === null)) {
    throw new G3Error('grammar/bad-schema', 'this schema converts itself to something that is no JSON Schema')
  }
  return { ...text, schema, open: text.open ?? false }
}

/** @throws G3Error `grammar/…` */
function compiled(text: ConstraintText): Grammar {
  if ('regex' in text) return compileRegex(text.regex)
  if ('gbnf' in text) return compileGbnf(text.gbnf)
  if ('tools' in text) {
    const { tools, ...options } = text
    return toolGrammar(tools, options)
  }
  const { schema, ...options } = text
  return compileSchema(schema, options)
}

/** Grammars that are kept, with what their masks have learnt. */
const KEPT = 16

/**
 * Compiles texts for a model, and knows the 16 that were used last.
 * @param vocabulary of the model, indexed when it is first needed
 * @throws G3Error from its function: `grammar/…`, `tools/…`
 */
export function constraintCache(vocabulary: () => Vocabulary): (text: ConstraintText) => Constraints {
  const kept = new Map<string, Constraints>()
  return (text) => {
    const key = spelled(text)
    const known = kept.get(key) ?? constraints(compiled(text), vocabulary())
    kept.delete(key)
    kept.set(key, known)
    for (const oldest of kept.keys()) if (kept.size > KEPT) kept.delete(oldest)
    return known
  }
}

/** @throws G3Error `grammar/too-large` for what lies deeper than the engine's stack */
function spelled(text: ConstraintText): string {
  try {
    return JSON.stringify(text)
  } catch (cause) {
    throw new G3Error('grammar/too-large', 'the schema is nested too deeply to be looked at', { cause })
  }
}
