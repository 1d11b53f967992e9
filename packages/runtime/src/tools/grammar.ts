import { check, G3Error, isG3Error } from '@g3/backend'
import { all, any, NOTHING, text, type Grammar, type Part } from '../grammar/part.js'
import { regexLanguage } from '../grammar/regex/compile.js'
import { automaton as automatonOf, type Automaton } from '../grammar/regular/automaton.js'
import { languages as languagesOf } from '../grammar/regular/languages.js'
import { ALL, NONE, type Language } from '../grammar/regular/node.js'
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
  const { languages } = machine
  const rules: Part[] = []
  const literal = (spelled: string): Part => text(languages.literal(spelled))
  const calls = (chosen: readonly KnownTool[]): readonly Block[] =>
    blocks(any(chosen.map((one) => callPart(one, form, machine, rules))), form, maxCalls, literal)
  const alone = ({ opener, rest }: Block): Part => all(literal(opener), rest)
  const everyTool = [...known.values()]

  const rootOf = (): Part => {
    if (choice === 'none') return text(plainText(machine, [...known.keys()]))
    check(known.size > 0, 'tools/bad-choice', 'there are no tools to call: give some, or choose none')
    if (choice === 'required') return any(calls(everyTool).map(alone))
    if (choice === 'auto') {
      const plain = plainText(machine, [...known.keys()])
      // Text and what begins a call are one language, so that calls are followed only where one has begun.
      const after = ({ opener, rest }: Block): Part =>
        all(text(languages.sequence(plain, languages.literal(opener))), rest)
      return any([text(plain), ...calls(everyTool).map(after)])
    }
    const one = known.get(choice.name)
    check(
      one !== undefined,
      'tools/bad-choice',
      () => `there is no tool ${choice.name} to choose; there are ${[...known.keys()].join(', ')}`,
    )
    return any(calls([one]).map(alone))
  }
  return { automaton: machine, rules, root: rootOf() }
}

/** A call, from after what all calls of the form begin with. */
function callPart({ tool, schema }: KnownTool, form: ToolForm, machine: Automaton, rules: Part[]): Part {
  const { literal } = machine.languages
  try {
    if (form === 'json')
      return all(
        text(literal(`${JSON.stringify(tool.name).slice(1)}, "parameters": `)),
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

/** Calls as an answer has them: what they begin with, and the rest. */
interface Block {
  readonly opener: string
  readonly rest: Part
}

const JSON_OPENER = '{"name": "'

/** One call, or up to `most` of them, in what a form puts around them. */
function blocks(call: Part, form: ToolForm, most: number, literal: (spelled: string) => Part): readonly Block[] {
  const several = (between: string): Part => {
    let rest = NOTHING
    for (let i = 1; i < most; i++) rest = any([all(literal(between), call, rest), NOTHING])
    return all(call, rest)
  }
  switch (form) {
    case 'json': {
      const list: Block = { opener: `[${JSON_OPENER}`, rest: all(several(`, ${JSON_OPENER}`), literal(']')) }
      return [{ opener: JSON_OPENER, rest: call }, ...(most === 1 ? [] : [list])]
    }
    case 'python':
      return [{ opener: '[', rest: all(several(', '), literal(']')) }]
    case 'tool_code':
      return [{ opener: FENCE, rest: all(several('\n'), literal('\n```')) }]
    default:
      return form satisfies never
  }
}

/** Text in which the reader of calls (`calls.ts`) finds no call of a known tool, whichever the form. */
function plainText({ languages }: Automaton, names: readonly string[]): Language {
  const { intersection, not } = languages
  const name = `(?:${names.map((one) => one.replace(/[.-]/g, '\\$&')).join('|')})`
  const openers = ['```tool_c(?:ode|alls?)', '\\{\\s*"(?:parameters|arguments)"\\s*:']
  if (names.length > 0) openers.push(`\\{\\s*"name"\\s*:\\s*"${name}"`, `\\[\\s*${name}\\s*\\(`)
  const somewhere = regexLanguage(languages, `^(?:${openers.join('|')})$`, 'plain')
  const first = names.length > 0 ? regexLanguage(languages, `^\\s*${name}\\s*\\($`, 'plain') : NONE
  return intersection([not(languages.sequence(ALL, somewhere, ALL)), not(languages.sequence(first, ALL))])
}
