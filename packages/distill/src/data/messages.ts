import { G3Error } from '@g3/backend'
import type { ChatMessage } from '@g3/tokenizer'
import { isRow, type NamedRow } from './json-lines.js'

const ROLES = ['system', 'user', 'assistant', 'model']

/**
 * The field `messages`: turns of text.
 * @throws G3Error `distill/bad-data`
 */
export function messagesField({ row, where }: NamedRow): readonly ChatMessage[] {
  const { messages } = row
  const bad = (problem: string): G3Error => new G3Error('distill/bad-data', `${where}: ${problem}`)
  if (!Array.isArray(messages) || messages.length === 0) throw bad('messages must be a list of turns')
  return messages.map((message: unknown, at) => {
    if (!isRow(message)) throw bad(`message ${at + 1} is no object`)
    const { role, content } = message
    if (typeof role !== 'string' || !ROLES.includes(role)) {
      throw bad(`message ${at + 1} has the role ${JSON.stringify(role)}; it must be one of ${ROLES.join(', ')}`)
    }
    if (typeof content !== 'string') throw bad(`the content of message ${at + 1} must be a text`)
    if (content.trim() === '') throw bad(`message ${at + 1} is empty: leave the line out or give it words`)
    return { role, content }
  })
}
