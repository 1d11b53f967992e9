import type { ChatMessage } from '@g3/tokenizer'
import type { GenerationResult } from '../generate/generation.js'
import { joined } from '../generate/ids.js'
import type { Model } from '../generate/model.js'

/** A turn of a conversation. */
export interface Turn {
  readonly message: ChatMessage
  /**
   * Its part of the text, where the template does not say it: of an answer the ids that were generated, of a user turn all
   * from the end of the answer before it to where its own begins.
   */
  readonly ids?: Int32Array
}

export const isAnswer = ({ message: { role } }: Turn): boolean => role === 'assistant' || role === 'model'

/**
 * The turn of an answer that a model gave. It stays the ids that were generated: the template trims texts, and a text has
 * other spellings than the model's own. Only where text and ids differ otherwise, by a stop string or a marker that is no
 * text, does the text alone go on, as the template has it.
 * @param begun ids of `prefix`
 */
export function answerTurn(
  model: Pick<Model, 'encode' | 'tokenizer'>,
  prefix: string,
  begun: Int32Array,
  { text, ids }: GenerationResult,
): Turn {
  const { tokenizer } = model
  const isSame = !ids.some((id) => tokenizer.isControl(id)) && tokenizer.decode(ids) === text
  return {
    message: { role: 'assistant', content: prefix + text },
    ids: isSame ? joined(begun, Int32Array.from(ids)) : templateIds(model, prefix + text),
  }
}

/** An answer's ids in the template: what it adds between two empty turns. */
function templateIds(model: Pick<Model, 'encode'>, text: string): Int32Array {
  const user: ChatMessage = { role: 'user', content: '' }
  const around = (content: string): Int32Array => model.encode([user, { role: 'assistant', content }, user])
  const begin = model.encode([user]).length
  const ids = around(text)
  return ids.slice(begin, begin + ids.length - around('').length)
}

/**
 * The ids of a conversation: up to where the answer begins where a user turn is the last, and otherwise up to the last
 * answer whose ids are known.
 */
export function idsOf(model: Pick<Model, 'encode'>, system: string | undefined, turns: readonly Turn[]): Int32Array {
  let ids = new Int32Array(0)
  /** Turns that the template says, up to here. */
  let pending: ChatMessage[] = system === undefined ? [] : [{ role: 'system', content: system }]
  const settle = (): void => {
    if (pending.length > 0) ids = Int32Array.from(model.encode(pending, ids))
    pending = []
  }
  for (const turn of turns) {
    if (turn.ids === undefined) {
      pending.push(turn.message)
      continue
    }
    // Instructions are in the first turn's ids.
    if (isAnswer(turn)) settle()
    else pending = []
    ids = Int32Array.from(joined(ids, turn.ids))
  }
  if (turns.length > 0 && !isAnswer(turns[turns.length - 1])) settle()
  return ids
}
