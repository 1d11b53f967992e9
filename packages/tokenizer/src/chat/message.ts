import { check } from '../errors.js'

/** A part of a message. Parts of other types than `text` and `image` are ignored, as the official template does. */
export type ContentPart =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: string; readonly [key: string]: unknown }

export interface ChatMessage {
  /** `user`, `assistant` (or `model`), `system` as the first message; other names are passed through. */
  readonly role: string
  /** null counts as empty. */
  readonly content: string | readonly ContentPart[] | null
}

/** A message that has been checked, with null content as ''. */
export interface CheckedMessage {
  readonly role: string
  readonly content: string | readonly CheckedPart[]
}

export type CheckedPart = { readonly type: 'text'; readonly text: string } | { readonly type: 'image'; readonly image: unknown } | { readonly type: 'ignored' }

/** Checks messages from outside. Throws `chat/no-messages`, `chat/bad-message`, `chat/bad-content`. */
export function checkMessages(messages: unknown): CheckedMessage[] {
  check(Array.isArray(messages), 'chat/bad-message', 'messages is not an array')
  check(messages.length > 0, 'chat/no-messages', 'the conversation is empty; give it at least one message')
  return messages.map((message: unknown, place) => {
    check(isFields(message), 'chat/bad-message', `message ${place} is not an object`)
    const { role, content } = message
    check(typeof role === 'string', 'chat/bad-message', `message ${place} has no role`)
    return { role, content: checkContent(content, place) }
  })
}

function checkContent(content: unknown, place: number): CheckedMessage['content'] {
  if (content === null) return ''
  if (typeof content === 'string') return content
  check(Array.isArray(content), 'chat/bad-content', `message ${place}: invalid content type, neither text nor parts`)
  return content.map((part: unknown): CheckedPart => {
    check(isFields(part), 'chat/bad-content', `message ${place} has a part that is not an object`)
    const { type, text, image } = part
    if (type === 'image') return { type, image }
    if (type !== 'text') return { type: 'ignored' }
    check(typeof text === 'string', 'chat/bad-content', `message ${place} has a text part without text`)
    return { type, text }
  })
}

const isFields = (value: unknown): value is { readonly [key: string]: unknown } =>
  typeof value === 'object' && value !== null
