import { check } from '@g3/backend'
import { spellJson } from '../grammar/schema/literals.js'
import { isObject } from '../grammar/schema/json.js'
import { knownTools, type KnownTool, type Tool, type ToolCall } from './tool.js'

/**
 * How a model writes calls. The first two are those of Google's guide to function calling with Gemma
 * (ai.google.dev/gemma/docs/capabilities/function-calling), the third is that of its cookbook:
 *
 * - `json`: `{"name": "f", "parameters": {"a": 1}}`, several as a list of such objects;
 * - `python`: `[f(a=1), g()]`;
 * - `tool_code`: one `f(a=1)` a line, between fences that are called so.
 */
export type ToolForm = 'json' | 'python' | 'tool_code'

export const TOOL_FORMS: readonly ToolForm[] = ['json', 'python', 'tool_code']

export const FENCE = '```tool_code\n'

const HOW: Readonly<Record<ToolForm, string>> = {
  json: '{"name": function name, "parameters": dictionary of argument name and its value}',
  python: '[func_name1(params_name1=params_value1, params_name2=params_value2...), func_name2(params)]',
  tool_code: `${FENCE}func_name1(params_name1=params_value1, params_name2=params_value2...)\n\`\`\``,
}

/**
 * What tells a model of its tools: text for the beginning of the first turn, where system text goes.
 * @throws G3Error `tools/bad-tool`, `tools/bad-form`
 */
export function toolInstructions(tools: readonly Tool[], form: ToolForm = 'json'): string {
  const known = knownTools(tools)
  checkForm(form, known)
  const definitions = [...known.values()].map(({ tool: { name, description }, schema }) => ({
    name,
    ...(description !== undefined && { description }),
    parameters: schema,
  }))
  return [
    'You have access to functions. If you decide to invoke any of the function(s),',
    'you MUST put it in the format of',
    HOW[form],
    '',
    'You SHOULD NOT include any other text in the response if you call a function',
    JSON.stringify(definitions, null, 2),
  ].join('\n')
}

const PYTHON_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/

/** @throws G3Error `tools/bad-form` for what it is not, and for names that Python does not have */
export function checkForm(form: ToolForm, known: ReadonlyMap<string, KnownTool>): void {
  check(TOOL_FORMS.includes(form), 'tools/bad-form', `the form is ${form}; it must be one of ${TOOL_FORMS.join(', ')}`)
  if (form === 'json') return
  for (const { tool, names } of known.values())
    for (const name of [tool.name, ...names])
      check(
        PYTHON_NAME.test(name),
        'tools/bad-form',
        `${JSON.stringify(name)} of the tool ${tool.name} is no name in Python: rename it, or take the form json`,
      )
}

/** Calls as a model writes them in a form: for conversations that come from elsewhere. */
export function spellCalls(calls: readonly ToolCall[], form: ToolForm): string {
  if (form === 'json') {
    const objects = calls.map(
      (call) => `{"name": ${JSON.stringify(call.name)}, "parameters": ${spellJson(call.arguments)}}`,
    )
    return objects.length === 1 ? objects[0] : `[${objects.join(', ')}]`
  }
  const written = calls.map(({ name, arguments: args }) => {
    const parts = Object.entries(args).map(([key, value]) => `${key}=${python(value)}`)
    return `${name}(${parts.join(', ')})`
  })
  return form === 'python' ? `[${written.join(', ')}]` : `${FENCE}${written.join('\n')}\n\`\`\``
}

function python(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (typeof value === 'boolean') return value ? 'True' : 'False'
  if (Array.isArray(value)) return `[${value.map(python).join(', ')}]`
  if (!isObject(value)) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([key, item]) => `${JSON.stringify(key)}: ${python(item)}`)
    .join(', ')}}`
}

/** What a call came to. */
export interface ToolResult {
  readonly name: string
  /** What the tool returned; undefined where it failed. */
  readonly value: unknown
  /** What went wrong, for the model to read. */
  readonly error?: string
}

/** Results of calls, in their order, as the user turn that follows them: fences called tool_output, as in the cookbook. */
export const toolOutputs = (results: readonly ToolResult[]): string =>
  results.map((result) => `\`\`\`tool_output\n${unfenced(outputOf(result))}\n\`\`\``).join('\n')

function outputOf({ name, value, error }: ToolResult): string {
  if (error !== undefined) return JSON.stringify({ error: `${name}: ${error}` })
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? 'null')
}

/** A result cannot end its fence and go on in the user's name. */
const unfenced = (text: string): string => text.replaceAll('```', '` ` `')
