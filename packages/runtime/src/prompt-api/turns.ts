import { joinParts, type ContentPart } from '@g3/tokenizer'
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

/** Messages of one role: texts that meet are on lines of their own. */
export const joinedParts = (
  before: readonly ContentPart[] | undefined,
  after: readonly ContentPart[],
): readonly ContentPart[] => (before === undefined ? after : joinParts(before, after, '\n'))
