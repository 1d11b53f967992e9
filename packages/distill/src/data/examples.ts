import { check, G3Error } from '@g3/backend'
import { encodeChat, type ChatMessage, type Tokenizer } from '@g3/tokenizer'
import type { Example, Wanted } from '../student/rows.js'
import { textField, type NamedRow } from './json-lines.js'
import { messagesField } from './messages.js'

/** An example, and the words that name its line. */
export interface NamedExample extends Example {
  readonly where: string
}

/**
 * What a line teaches. `{messages}`: the model's turns, each with its end. `{prompt, completion}`: the completion and the end of the text,
 * after the prompt's tokens as they are by themselves. `{text}`: every token after the first.
 * @throws G3Error `distill/bad-data`
 */
export function exampleOf(tokenizer: Tokenizer, line: NamedRow): NamedExample {
  const { row, where } = line
  const { ids, taught } =
    row.messages !== undefined
      ? turns(tokenizer, messagesField(line), where)
      : row.prompt !== undefined
        ? completed(tokenizer, textField(line, 'prompt'), textField(line, 'completion'), where)
        : whole(tokenizer, textField(line, 'text'))
  const wanted: Wanted[] = taught.map((at) => ({ position: at - 1, ids: [ids[at]], weights: [1] }))
  if (wanted.length === 0)
    throw new G3Error('distill/bad-data', `${where} has nothing to learn: no turn of the model, or one token only`)
  return { ids, wanted, where }
}

interface Taught {
  readonly ids: Int32Array
  /** Places of the ids that are to be learned. */
  readonly taught: readonly number[]
}

const between = (from: number, to: number): number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, i) => from + i)

function whole(tokenizer: Tokenizer, text: string): Taught {
  const ids = tokenizer.encode(text, { bos: true })
  return { ids, taught: between(1, ids.length) }
}

function completed(tokenizer: Tokenizer, prompt: string, completion: string, where: string): Taught {
  check(
    completion !== '',
    'distill/bad-data',
    () => `${where}: the completion is empty: leave the line out or give it words`,
  )
  const before = tokenizer.encode(prompt, { bos: true })
  const ids = Int32Array.of(...before, ...tokenizer.encode(completion), tokenizer.eos)
  return { ids, taught: between(before.length, ids.length) }
}

const isModels = ({ role }: ChatMessage): boolean => role === 'assistant' || role === 'model'

function turns(tokenizer: Tokenizer, messages: readonly ChatMessage[], where: string): Taught {
  const ids = encodeChat(tokenizer, messages, { addGenerationPrompt: false })
  const taught: number[] = []
  for (const [n, message] of messages.entries()) {
    if (!isModels(message)) continue
    const before = encodeChat(tokenizer, messages.slice(0, n), { addGenerationPrompt: true })
    const after = encodeChat(tokenizer, messages.slice(0, n + 1), { addGenerationPrompt: false })
    const isPrefix = before.every((id, at) => id === ids[at]) && after.every((id, at) => id === ids[at])
    check(
      isPrefix,
      'distill/bad-data',
      () => `${where}: message ${n + 1} reads otherwise with those after it: begin it with a letter`,
    )
    // The line break after a turn's end is the next turn's.
    taught.push(...between(before.length, after.length - 1))
  }
  return { ids, taught }
}
