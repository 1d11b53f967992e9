import type { ContentPart } from '@g3/tokenizer'
import type { Chat } from '../session/session.js'
import { textOf, type ReadyMessage } from './input.js'

/**
 * Adds messages of any order to a chat, whose turns alternate: messages of one role that follow each other are one turn,
 * and an answer that follows nothing follows an empty turn.
 * @returns the content of the user turn that is last and has no answer yet; none where an answer is last
 */
export function addMessages(chat: Chat, messages: readonly ReadyMessage[]): readonly ContentPart[] | undefined {
  let user: readonly ContentPart[] | undefined
  let answer: readonly ContentPart[] | undefined
  const settle = (): void => {
    if (answer === undefined) return
    chat.add(user ?? '', textOf(answer, "an assistant's message"))
    user = undefined
    answer = undefined
  }
  for (const { role, parts } of messages) {
    if (role === 'assistant') answer = joinedParts(answer, parts)
    else {
      settle()
      user = joinedParts(user, parts)
    }
  }
  settle()
  return user
}

/** Parts of two messages as one: texts that meet are on lines of their own, since the template trims each part. */
export function joinedParts(
  before: readonly ContentPart[] | undefined,
  after: readonly ContentPart[],
): readonly ContentPart[] {
  if (before === undefined) return after
  const last = before.at(-1)
  const [first, ...rest] = after
  if (last?.type !== 'text' || first?.type !== 'text') return [...before, ...after]
  return [...before.slice(0, -1), { type: 'text', text: `${String(last.text)}\n${String(first.text)}` }, ...rest]
}
