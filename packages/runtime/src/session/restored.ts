import { check, G3Error } from '@g3/backend'
import { xxh32 } from '@g3/kv-cache'
import { isList, isObject } from '../grammar/schema/json.js'
import { MAGIC, PREAMBLE, type Header } from './saved.js'
import { sessionOf, type Chat, type SessionModel } from './session.js'
import type { Turn } from './turns.js'

const LONGEST_HEADER = 64 << 20

/**
 * Takes up a session that was saved. Its text is read by nobody again as long as the model holds it. Images in it are
 * without pixels: should the model have to read them again, it says `model/unknown-image`.
 * @throws G3Error `session/corrupt` for bytes that are damaged or none of a session, and as `Model.restore`
 */
export async function restoreSession(model: SessionModel, bytes: AsyncIterable<Uint8Array>): Promise<Chat> {
  const source = splitter(bytes)
  const preamble = await source.read(PREAMBLE)
  check(
    MAGIC.every((byte, i) => preamble[i] === byte),
    'session/corrupt',
    'these are not the bytes of a session',
  )
  const view = new DataView(preamble.buffer, preamble.byteOffset)
  const length = view.getUint32(MAGIC.length, true)
  check(length <= LONGEST_HEADER, 'session/corrupt', `the session's header is said to have ${length} bytes`)
  const json = await source.read(length)
  check(xxh32(json) === view.getUint32(MAGIC.length + 4, true), 'session/corrupt', "the session's header is damaged")
  const { system, messages, lengths } = readHeader(new TextDecoder().decode(json))
  const wanted = lengths.reduce((sum, count) => sum + count, 0)
  const ids = wanted === 0 ? new Int32Array(0) : await model.restore(source.rest())
  check(ids.length === wanted, 'session/corrupt', `the session has ${wanted} tokens, and its text ${ids.length}`)
  let at = 0
  const turns = messages.map((message, i): Turn => {
    const count = lengths[i]
    if (count === undefined) return { message }
    at += count
    return { message, ids: ids.slice(at - count, at) }
  })
  return sessionOf(model, system ?? undefined, turns)
}

/** @throws G3Error `session/corrupt` */
function readHeader(json: string): Header {
  const header = parsed(json)
  const isSound =
    isObject(header) &&
    header.version === 1 &&
    (header.system === null || typeof header.system === 'string') &&
    isList(header.messages) &&
    header.messages.every((message) => isObject(message) && typeof message.role === 'string') &&
    isList(header.lengths) &&
    header.lengths.length <= header.messages.length &&
    header.lengths.every((count) => Number.isSafeInteger(count) && Number(count) >= 0)
  if (!isSound) throw new G3Error('session/corrupt', "the session's header is none of this version")
  return trusted<Header>(header)
}

/** Undefined for what is no JSON. */
function parsed(json: string): unknown {
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** What was just checked. */
function trusted<T>(value: unknown): T
function trusted(value: unknown): unknown {
  return value
}

/** Reads so many bytes from a stream, and then hands on the rest. */
function splitter(bytes: AsyncIterable<Uint8Array>) {
  const parts = bytes[Symbol.asyncIterator]()
  let held = new Uint8Array(0)
  const more = async (): Promise<boolean> => {
    const next = await parts.next()
    if (next.done) return false
    const both = new Uint8Array(held.length + next.value.length)
    both.set(held)
    both.set(next.value, held.length)
    held = both
    return true
  }
  return {
    /** @throws G3Error `session/corrupt` */
    async read(count: number): Promise<Uint8Array> {
      while (held.length < count) check(await more(), 'session/corrupt', 'the session ends within its header')
      const found = held.slice(0, count)
      held = held.slice(count)
      return found
    },
    async *rest(): AsyncGenerator<Uint8Array, void, undefined> {
      if (held.length > 0) yield held
      for (;;) {
        const next = await parts.next()
        if (next.done) return
        yield next.value
      }
    },
  }
}
