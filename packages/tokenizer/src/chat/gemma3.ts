import { check } from '../errors.js'
import type { GEMMA_MARKERS } from '../roles.js'
import type { Tokenizer } from '../tokenizer.js'
import { checkMessages, type ChatMessage, type CheckedMessage } from './message.js'
import { strip } from './strip.js'

export interface ChatOptions {
  /** Ends with the start of the model's turn, for it to answer. Default false. */
  readonly addGenerationPrompt?: boolean
}

/** What stands for an image in a prompt. */
export interface ImageContent {
  /** What takes the place of `<start_of_image>`, each view as markers with soft tokens between them. */
  readonly prompt: string
  /** The ids of each view's soft tokens, in order. */
  readonly views: readonly Int32Array[]
}

export interface EncodeChatOptions extends ChatOptions {
  /** Gives what stands for the `image` of an image part. Default: a lone `<start_of_image>`, as the template has it. */
  readonly imageContent?: (image: unknown) => ImageContent
}

type Marker = (typeof GEMMA_MARKERS)[number]

/** A rendered conversation alternates between markers of its own and text that came from outside. */
type Segment = { readonly marker: Marker } | { readonly text: string } | { readonly ids: Int32Array }

/** A view in an image's prompt. */
const VIEW = /<start_of_image>(?:<image_soft_token>)*<end_of_image>/

/**
 * The conversation as Gemma 3's official chat template renders it, `<bos>` included: tokenise it with `special: true`
 * and without another BOS. Prefer {@link encodeChat}, which control-token spellings inside messages can't deceive.
 *
 * System text goes before the first user text; roles must alternate, starting with `user`. Throws `chat/no-messages`,
 * `chat/bad-message`, `chat/bad-content`, `chat/roles-must-alternate`.
 */
export const renderGemma3 = (messages: readonly ChatMessage[], options: ChatOptions = {}): string =>
  segments(messages, options).map((segment) => ('marker' in segment ? segment.marker : 'text' in segment ? segment.text : '')).join('')

/**
 * The ids of the rendered conversation, with BOS exactly once. The template's markers become control tokens; the same
 * spellings inside messages stay text. Without such spellings the ids equal those of HF tokenising the rendered text:
 * added tokens cut a text before merging, so what lies between two markers is encoded on its own there, too.
 *
 * Throws what {@link renderGemma3} does, and `chat/no-marker` if the vocabulary lacks a marker.
 */
export function encodeChat(
  tokenizer: Tokenizer, messages: readonly ChatMessage[], options: EncodeChatOptions = {},
): Int32Array {
  const ids: number[] = []
  // Everything between two markers is one text: "user\n" and a message that begins with a newline fuse into one token.
  let text = ''
  const flush = (): void => {
    for (const id of tokenizer.encode(text)) ids.push(id)
    text = ''
  }
  for (const segment of segments(messages, options)) {
    if ('text' in segment) {
      text += segment.text
      continue
    }
    flush()
    if ('ids' in segment) {
      for (const id of segment.ids) ids.push(id)
      continue
    }
    const { marker } = segment
    const id = marker === '<bos>' ? tokenizer.bos : tokenizer.find(marker)
    const known = id !== undefined && tokenizer.isControl(id)
    check(known, 'chat/no-marker', `the vocabulary has no control token ${marker}`)
    ids.push(id)
  }
  flush()
  return Int32Array.from(ids)
}

function segments(input: readonly ChatMessage[], { addGenerationPrompt = false, imageContent }: EncodeChatOptions): Segment[] {
  const all = checkMessages(input)
  const [first] = all
  const system = first?.role === 'system' ? systemText(first) : undefined
  const turns = system === undefined ? all : all.slice(1)

  const out: Segment[] = [{ marker: '<bos>' }]
  turns.forEach(({ role, content }, turn) => {
    const expected = (role === 'user') === (turn % 2 === 0)
    const message = 'conversation roles must alternate user/assistant/user/assistant/...'
    check(expected, 'chat/roles-must-alternate', () => `${message} (turn ${turn + 1} is ${role.slice(0, 40)})`)
    out.push({ marker: '<start_of_turn>' }, { text: `${role === 'assistant' ? 'model' : role}\n` })
    if (turn === 0 && system !== undefined) out.push({ text: `${system}\n\n` })
    for (const part of typeof content === 'string' ? [{ type: 'text', text: content } as const] : content) {
      if (part.type === 'text') out.push({ text: strip(part.text) })
      else if (part.type === 'image') out.push(...imageSegments(part.image, imageContent))
    }
    out.push({ marker: '<end_of_turn>' }, { text: '\n' })
  })
  if (addGenerationPrompt) out.push({ marker: '<start_of_turn>' }, { text: 'model\n' })
  return out
}

function imageSegments(image: unknown, content: EncodeChatOptions['imageContent']): Segment[] {
  if (content === undefined) return [{ marker: '<start_of_image>' }]
  const { prompt, views } = content(image)
  return prompt.split(VIEW).flatMap((text, i): Segment[] => {
    if (i === 0) return [{ text }]
    return [{ marker: '<start_of_image>' }, { ids: views[i - 1] }, { marker: '<end_of_image>' }, { text }]
  })
}

/** The template takes a list's first part only, and does not trim. */
function systemText({ content }: CheckedMessage): string {
  if (typeof content === 'string') return content
  const [first] = content
  check(first?.type === 'text', 'chat/bad-content', 'the system message must begin with a text part')
  return first.text
}
