import {
  UnsupportedFunctionalityError,
  type LanguageModelV4FilePart,
  type LanguageModelV4Message,
  type LanguageModelV4Prompt,
  type LanguageModelV4ToolResultPart,
  type SharedV4Warning,
} from '@ai-sdk/provider'
import { spellCalls, toolOutputs, type ToolCall, type ToolResult } from '@g3/runtime/tools'
import { joinParts, type ChatMessage, type ContentPart } from '@g3/tokenizer'
import type { Call } from './call.js'
import type { G3Model } from './constrained.js'

type Turn = { readonly role: 'user' | 'assistant'; parts: readonly ContentPart[] }

/**
 * The conversation in Gemma's terms: system texts and instructions at the front, then turns of user and model. Messages of one
 * side that follow each other are one turn; results of tools are the user's.
 * @throws UnsupportedFunctionalityError for files that are no images or texts; G3Error `generate/no-eyes`, `vision/…`
 */
export async function readPrompt(
  prompt: LanguageModelV4Prompt,
  model: G3Model,
  {
    instructions,
    form,
    panAndScan,
    options: { signal },
  }: Pick<Call, 'instructions' | 'form' | 'panAndScan' | 'options'>,
  warnings: SharedV4Warning[],
): Promise<readonly ChatMessage[]> {
  const system = prompt.flatMap((message) => (message.role === 'system' ? [message.content] : []))
  if (prompt.some(({ role }, i) => role === 'system' && i >= system.length)) {
    warnings.push({ type: 'compatibility', feature: 'system messages after others', details: 'they are put first' })
  }
  const turns: Turn[] = []
  for (const message of prompt) {
    if (message.role === 'system') continue
    const role = message.role === 'assistant' ? 'assistant' : 'user'
    const last = turns.at(-1)
    const turn: Turn = last?.role === role ? last : { role, parts: [] }
    if (turn !== last) turns.push(turn)
    else if (turn.parts.at(-1)?.type === 'text') say(turn, '\n\n')
    switch (message.role) {
      case 'user':
        await readUser(message, turn, model, { panAndScan, ...(signal && { signal }) })
        break
      case 'assistant':
        readAssistant(message, turn, form, warnings)
        break
      case 'tool':
        say(turn, toolOutputs(message.content.flatMap((part) => (part.type === 'tool-result' ? [resultOf(part)] : []))))
        break
      default:
        message satisfies never
    }
  }
  const front = [...system, ...instructions].join('\n\n')
  return [
    ...(front === '' ? [] : [{ role: 'system', content: front }]),
    ...turns.map(({ role, parts }) => ({ role, content: parts })),
  ]
}

function say(turn: Turn, text: string): void {
  turn.parts = joinParts(turn.parts, [{ type: 'text', text }])
}

type Of<Role> = Extract<LanguageModelV4Message, { role: Role }>
type PictureOptions = Parameters<G3Model['picture']>[1]

async function readUser({ content }: Of<'user'>, turn: Turn, model: G3Model, options: PictureOptions): Promise<void> {
  for (const part of content) {
    if (part.type === 'text') say(turn, part.text)
    else if (part.data.type === 'text') say(turn, part.data.text)
    else if (isType(part, 'text')) say(turn, new TextDecoder().decode(bytesOf(part)))
    else if (isType(part, 'image'))
      turn.parts = [...turn.parts, { type: 'image', image: await model.picture(bytesOf(part), options) }]
    else throw new UnsupportedFunctionalityError({ functionality: `files of type ${part.mediaType}` })
  }
}

const isType = ({ mediaType }: LanguageModelV4FilePart, type: string): boolean =>
  mediaType === type || mediaType.startsWith(`${type}/`)

function bytesOf({ data, mediaType }: LanguageModelV4FilePart): Uint8Array {
  if (data.type !== 'data') {
    throw new UnsupportedFunctionalityError({ functionality: `files by ${data.type} (${mediaType}): give their bytes` })
  }
  return typeof data.data === 'string'
    ? Uint8Array.from(atob(data.data), (character) => character.charCodeAt(0))
    : data.data
}

function readAssistant(
  { content }: Of<'assistant'>,
  turn: Turn,
  form: Call['form'],
  warnings: SharedV4Warning[],
): void {
  const calls: ToolCall[] = []
  for (const part of content) {
    if (part.type === 'text') say(turn, part.text)
    else if (part.type === 'tool-call') calls.push({ name: part.toolName, arguments: argumentsOf(part.input) })
    else warnings.push({ type: 'unsupported', feature: `${part.type} parts of an assistant's message` })
  }
  if (calls.length > 0) say(turn, spellCalls(calls, form))
}

const argumentsOf = (input: unknown): ToolCall['arguments'] =>
  typeof input === 'object' && input !== null ? { ...input } : {}

function resultOf({ toolName: name, output }: LanguageModelV4ToolResultPart): ToolResult {
  switch (output.type) {
    case 'text':
    case 'json':
      return { name, value: output.value }
    case 'error-text':
      return { name, value: undefined, error: output.value }
    case 'error-json':
      return { name, value: undefined, error: JSON.stringify(output.value) }
    case 'execution-denied':
      return {
        name,
        value: undefined,
        error: `it was not allowed${output.reason === undefined ? '' : `: ${output.reason}`}`,
      }
    case 'content':
      return { name, value: output.value.map((part) => textOf(part)).join('\n') }
    default:
      return output satisfies never
  }
}

type ContentOutput = Extract<LanguageModelV4ToolResultPart['output'], { type: 'content' }>['value'][number]

function textOf(part: ContentOutput): string {
  if (part.type === 'text') return part.text
  if (part.type === 'file' && part.data.type === 'text') return part.data.text
  throw new UnsupportedFunctionalityError({ functionality: `${part.type} parts in results of tools` })
}
