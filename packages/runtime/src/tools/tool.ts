import { check } from '@g3/backend'
import { isObject, type JsonObject } from '../grammar/schema/json.js'
import { isStandardSchema, jsonSchemaOf, type StandardSchema } from '../grammar/schema/standard.js'

/** A function that the model may call. */
export interface Tool<Arguments = unknown, Result = unknown> {
  /** Letters, digits, `_`, `-` and `.`, 64 at most; in the Python forms a Python name. */
  readonly name: string
  /** What it does and when to call it: all that the model knows of it besides its parameters. */
  readonly description?: string
  /** A JSON Schema of an object, or a Standard Schema such as Zod's. Default: it takes none. */
  readonly parameters?: StandardSchema<Arguments> | object
  /**
   * Does what is asked. What it returns is told the model: a text as it is, anything else as JSON; so is what it throws,
   * but for the signal's reason.
   */
  run?(args: Arguments, context: ToolContext): Result | Promise<Result>
}

export interface ToolContext {
  readonly signal: AbortSignal | undefined
}

/** A call as the model made it. */
export interface ToolCall {
  readonly name: string
  readonly arguments: { readonly [name: string]: unknown }
}

/** Types a tool: the arguments of `run` are what its schema's output is. */
export const tool = <Arguments, Result>(definition: Tool<Arguments, Result>): Tool<Arguments, Result> => definition

/** A tool, checked. */
export interface KnownTool {
  readonly tool: Tool
  /** Its parameters as a JSON Schema. */
  readonly schema: JsonObject
  /** The names of its parameters in the order of the schema. */
  readonly names: readonly string[]
}

const MOST_TOOLS = 128
const NAME = /^[A-Za-z0-9_.-]{1,64}$/

/** @throws G3Error `tools/bad-tool`, as `jsonSchemaOf` */
export function knownTools(tools: readonly Tool[]): ReadonlyMap<string, KnownTool> {
  check(tools.length <= MOST_TOOLS, 'tools/bad-tool', `${tools.length} tools are too many: at most ${MOST_TOOLS}`)
  const known = new Map<string, KnownTool>()
  for (const one of tools) {
    const { name } = one
    check(
      typeof name === 'string' && NAME.test(name),
      'tools/bad-tool',
      () => `a tool's name is ${JSON.stringify(name)}: use 1 to 64 letters, digits, _, - and .`,
    )
    check(!known.has(name), 'tools/bad-tool', `two tools are called ${name}: give each a name of its own`)
    const schema = parametersOf(one)
    check(
      isObject(schema) && (schema.type === undefined || schema.type === 'object'),
      'tools/bad-tool',
      `the parameters of ${name} are not a JSON Schema of an object: { type: 'object', properties: … }`,
    )
    known.set(name, { tool: one, schema, names: isObject(schema.properties) ? Object.keys(schema.properties) : [] })
  }
  return known
}

function parametersOf({ parameters }: Tool): unknown {
  const schema = jsonSchemaOf(parameters ?? {})
  if (!isObject(schema) || isStandardSchema(parameters)) return schema
  const { type = 'object' } = schema
  const saysNothing =
    type === 'object' && Object.keys(schema).every((keyword) => keyword === 'type' || keyword === 'properties')
  const listsNothing = !isObject(schema.properties) || Object.keys(schema.properties).length === 0
  return saysNothing && listsNothing ? { type: 'object', properties: {}, additionalProperties: false } : schema
}

/**
 * Tools out of JSON: an array of definitions as OpenAI's API takes them, `{ type: 'function', function: { name,
 * description, parameters } }`, or of the inner objects alone. They have no `run`.
 * @throws G3Error `tools/bad-tool`
 */
export function toolsFromJson(value: unknown): readonly Tool[] {
  check(Array.isArray(value), 'tools/bad-tool', 'tools are an array of function definitions')
  const tools = value.map((entry: unknown, place): Tool => {
    const inner = isObject(entry) && entry.type === 'function' && isObject(entry.function) ? entry.function : entry
    check(isObject(inner), 'tools/bad-tool', `entry ${place} of the tools is no object`)
    const { name, description, parameters } = inner
    const fits =
      typeof name === 'string' &&
      (description === undefined || typeof description === 'string') &&
      (parameters === undefined || isObject(parameters))
    check(
      fits,
      'tools/bad-tool',
      `entry ${place} of the tools is no function definition: it has a name, and may have a description and parameters`,
    )
    return { name, ...(description !== undefined && { description }), ...(parameters && { parameters }) }
  })
  knownTools(tools)
  return tools
}
