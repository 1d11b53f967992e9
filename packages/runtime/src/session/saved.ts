import { xxh32 } from '@g3/kv-cache'
import type { ChatMessage, ContentPart } from '@g3/tokenizer'
import type { SessionModel } from './session.js'
import { idsOf, type Turn } from './turns.js'

/**
 * A session's bytes: the magic, u32 length and u32 XXH32 of a header in JSON, the header, and the model's own snapshot
 * (`@g3/kv-cache`) where there is a text. All numbers are little endian.
 */
export const MAGIC = Uint8Array.from('g3chat\r\n', (letter) => letter.charCodeAt(0))
export const PREAMBLE = MAGIC.length + 8

export interface Header {
  readonly version: 1
  readonly system: string | null
  readonly messages: readonly ChatMessage[]
  /** Ids of the first turns, which the snapshot holds; the turns after them are told by their messages. */
  readonly lengths: readonly number[]
}

/** @throws G3Error as `Model.save` */
export async function* saveSession(
  model: SessionModel,
  system: string | undefined,
  turns: readonly Turn[],
): AsyncGenerator<Uint8Array, void, undefined> {
  const known = turns.findLastIndex(({ ids }) => ids !== undefined) + 1
  const ids = idsOf(model, system, turns.slice(0, known))
  const ends = Array.from({ length: known }, (_, i) => endOf(model, system, turns.slice(0, i + 1), ids))
  const header: Header = {
    version: 1,
    system: system ?? null,
    messages: turns.map(({ message }) => ({ role: message.role, content: plainContent(message.content) })),
    lengths: ends.map((end, i) => end - (i === 0 ? 0 : ends[i - 1])),
  }
  const json = new TextEncoder().encode(JSON.stringify(header))
  const preamble = new Uint8Array(PREAMBLE)
  preamble.set(MAGIC)
  const view = new DataView(preamble.buffer)
  view.setUint32(MAGIC.length, json.length, true)
  view.setUint32(MAGIC.length + 4, xxh32(json), true)
  yield preamble
  yield json
  if (ids.length > 0) yield* model.save(ids)
}

/** Where a turn ends in the text: an answer that the template says ends where the next turn begins. */
function endOf(model: SessionModel, system: string | undefined, turns: readonly Turn[], ids: Int32Array): number {
  const last = turns[turns.length - 1]
  if (last.ids !== undefined || last.message.role === 'user') return idsOf(model, system, turns).length
  // Its user turn and all of it go as one, told by the message after it.
  return Math.min(ids.length, idsOf(model, system, turns.slice(0, -1)).length)
}

/** Pixels are not saved: the text holds the ids of images, and the caches what the model saw. */
const plainContent = (content: ChatMessage['content']): ChatMessage['content'] =>
  Array.isArray(content)
    ? content.map((part: ContentPart) => (part.type === 'text' ? part : { type: part.type }))
    : content
