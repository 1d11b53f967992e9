import { check, G3Error, isG3Error } from '@g3/backend'
import { all, any, NOTHING, text, type Grammar, type Part } from '../grammar/part.js'
import { regexLanguage } from '../grammar/regex/compile.js'
import { automaton as automatonOf, type Automaton } from '../grammar/regular/automaton.js'
import { character, EVERY } from '../grammar/regular/code-points.js'
import { languages as languagesOf } from '../grammar/regular/languages.js'
import { schemaPart } from '../grammar/schema/compile.js'
import { checkForm, FENCE, type ToolForm } from './form.js'
import { knownTools, type KnownTool, type Tool } from './tool.js'

/**
 * Whether to call: `auto` leaves it to the model, `required` asks for one call at least, `none` for text, and a tool's
 * name for calls of that one.
 */
export type ToolChoice = 'auto' | 'required' | 'none' | { readonly name: string }

export interface ToolGrammarOptions {
  /** Default `json`. */
  readonly form?: ToolForm
  /** Default `auto`. */
  readonly choice?: ToolChoice
  /** Most calls in one answer. Default 8; 1 is one after the other. */
  readonly maxCalls?: number
}

const MOST_CALLS = 64

/**
 * The answers that a model with tools may give: text, calls whose arguments fit their schemas, or text and then calls.
 * Nothing that reads as the beginning of a call gets by as text. Members that a schema does not list are left out.
 * @throws G3Error `tools/bad-tool`, `tools/bad-form`, `tools/bad-choice`; `grammar/…` naming the tool whose schema cannot be
 * enforced
 */
export function toolGrammar(
  tools: readonly Tool[],
  { form = 'json', choice = 'auto', maxCalls = 8 }: ToolGrammarOptions = {},
): Grammar {
  const known = knownTools(tools)
  checkForm(form, known)
  check(
    Number.isInteger(maxCalls) && maxCalls >= 1 && maxCalls <= MOST_CALLS,
    'tools/bad-choice',
    `maxCalls is ${maxCalls}; it must be a whole number from 1 to ${MOST_CALLS}`,
  )
  const machine = automatonOf(languagesOf())
  const rules: Part[] = []
  const plain = (): Part => text(plainText(machine, [...known.keys()]))
  const calls = (chosen: readonly KnownTool[]): Part => {
    const each = chosen.map((one) => callPart(one, form, machine, rules))
    return block(any(each), form, maxCalls, (literal) => text(machine.languages.literal(literal)))
  }
  return { automaton: machine, rules, root: rootOf(choice, known, plain, calls) }
}

function rootOf(
  choice: ToolChoice,
  known: ReadonlyMap<string, KnownTool>,
  plain: () => Part,
  calls: (chosen: readonly KnownTool[]) => Part,
): Part {
  if (choice === 'none') return plain()
  check(known.size > 0, 'tools/bad-choice', 'there are no tools to call: give some, or choose none')
  if (choice === 'required') return calls([...known.values()])
  if (choice === 'auto') return all(plain(), any([calls([...known.values()]), NOTHING]))
  const one = known.get(choice.name)
  check(
    one !== undefined,
    'tools/bad-choice',
    () => `there is no tool ${choice.name} to choose; there are ${[...known.keys()].join(', ')}`,
  )
  return calls([one])
}

function callPart({ tool, schema }: KnownTool, form: ToolForm, machine: Automaton, rules: Part[]): Part {
  const { literal } = machine.languages
  try {
    if (form === 'json')
      return all(
        text(literal(`{"name": ${JSON.stringify(tool.name)}, "parameters": `)),
        schemaPart({ ...schema, type: 'object' }, { open: false }, machine, rules),
        text(literal('}')),
      )
    const args = schemaPart(schema, { open: false, notation: 'python', asArguments: true }, machine, rules)
    return all(text(literal(tool.name)), args)
  } catch (cause) {
    if (!isG3Error(cause)) throw cause
    throw new G3Error(cause.code, `the parameters of the tool ${tool.name}: ${cause.message}`, { cause })
  }
}

/** One call, or up to `most` of them, in what a form puts around them. */
function block(call: Part, form: ToolForm, most: number, literal: (spelled: string) => Part): Part {
  const several = (between: string): Part => {
    let rest = NOTHING
    for (let i = 1; i < most; i++) rest = any([all(literal(between), call, rest), NOTHING])
    return all(call, rest)
  }
  switch (form) {
    case 'json':
      return most === 1 ? call : any([call, all(literal('['), several(', '), literal(']'))])
    case 'python':
      return all(literal('['), several(', '), literal(']'))
    case 'tool_code':
      return all(literal(FENCE), several('\n'), literal('\n```'))
    default:
      return form satisfies never
  }
}

/** Text in which the reader of calls (`calls.ts`) finds no call of a known tool, whichever the form. */
function plainText({ languages }: Automaton, names: readonly string[]) {
  const { repeat, intersection, not } = languages
  const anything = repeat(character(languages, EVERY, 'plain'), 0, Infinity)
  const name = `(?:${names.map((one) => one.replace(/[.-]/g, '\\$&')).join('|')})`
  const openers = ['```tool_c(?:ode|alls?)', '\\{\\s*"(?:parameters|arguments)"\\s*:']
  if (names.length > 0) openers.push(`\\{\\s*"name"\\s*:\\s*"${name}"`, `\\[\\s*${name}\\s*\\(`)
  const found = [
    regexLanguage(languages, `^[\\s\\S]*(?:${openers.join('|')})[\\s\\S]*$`, 'plain'),
    ...(names.length > 0 ? [regexLanguage(languages, `^\\s*${name}\\s*\\([\\s\\S]*$`, 'plain')] : []),
  ]
  return intersection([anything, ...found.map(not)])
}
