import { G3Error } from '@g3/backend'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { openRange, type Answer } from './range.js'
import type { Sink } from './sink.js'

/** What is known of the file that a part belongs to. */
export interface FileMark {
  /** ETag or date, as the server gave it; absent where it gives none that pages may read. */
  readonly validator?: string
  readonly size: number
  /** Of the whole file, where the hub says. */
  readonly sha256?: string
}

export interface TransferOptions {
  readonly url: string
  readonly sink: Sink
  /** What the bytes in the sink belong to. */
  readonly mark?: FileMark
  /** What the hub says that the whole file must be. */
  readonly sha256?: string
  readonly signal: AbortSignal
  readonly fetch?: typeof fetch
  /** A connection that brings nothing for so long counts as cut. Default 30,000. */
  readonly stallMs?: number
  /** Wait before the first new attempt, doubled for each. Default 500. */
  readonly retryMs?: number
  /** Told when it is known which file it is, before any byte is written. */
  readonly onMark: (mark: FileMark) => void
  readonly onProgress: (done: number, total: number) => void
}

/** Attempts that bring nothing before the transfer gives up; one that brings something begins the count anew. */
const ATTEMPTS = 5
const HASH_PART = 1 << 20

/**
 * Brings a file into a sink, from where it stopped the last time. A cut connection is taken up again; a file that was
 * swapped meanwhile is noticed and fetched anew, so a sink never holds parts of two.
 * @returns the sha256 of what is there
 * @throws G3Error `store/unreachable` (what came stays), `store/http`, `store/changed` where the whole is not what the hub
 * says (the sink is emptied); the signal's reason; what the sink throws
 */
export async function transfer(options: TransferOptions): Promise<string> {
  const { sink, signal, retryMs = 500 } = options
  let mark = options.mark
  let failures = 0
  for (;;) {
    signal.throwIfAborted()
    const before = sink.size
    try {
      const answer = await openRange(options, mark, sink.size)
      mark = accept(answer, mark, options)
      if (answer.body) await pour(answer.body, answer.start, mark.size, options)
      if (sink.size === mark.size) return finish(sink, mark, options)
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof G3Error) || error.code !== 'store/unreachable') throw error
      failures = sink.size > before ? 1 : failures + 1
      if (failures >= ATTEMPTS) throw error
      await pause(retryMs * 2 ** (failures - 1), signal)
    }
  }
}

/** Notes which file the answer is of; what the sink holds of another one goes. */
function accept(
  answer: Answer,
  before: FileMark | undefined,
  { sink, sha256: wanted, onMark }: TransferOptions,
): FileMark {
  const { start, size, validator } = answer
  if (start < sink.size) sink.truncate(start)
  const mark = { size, ...(validator !== undefined && { validator }), ...(wanted !== undefined && { sha256: wanted }) }
  if (before?.size !== size || before.validator !== validator || before.sha256 !== wanted) onMark(mark)
  return mark
}

async function pour(
  body: ReadableStream<Uint8Array>,
  start: number,
  size: number,
  { sink, signal, stallMs = 30_000, onProgress }: TransferOptions,
): Promise<void> {
  const reader = body.getReader()
  const onAbort = (): void => void reader.cancel(signal.reason).catch(() => {})
  signal.addEventListener('abort', onAbort)
  let at = start
  try {
    for (;;) {
      const { done, value } = await timely(reader.read(), stallMs)
      signal.throwIfAborted()
      if (done) break
      if (at + value.byteLength > size) {
        throw new G3Error('store/http', 'the server sends more than it announced: try again, or another address')
      }
      sink.write(at, value)
      at += value.byteLength
      onProgress(at, size)
    }
  } catch (error) {
    await reader.cancel(error).catch(() => {})
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
    sink.flush()
  }
  if (at < size) throw new G3Error('store/unreachable', 'the connection was cut')
}

/** A read that the network fails or forgets is a cut. */
async function timely<T>(read: Promise<T>, stallMs: number): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new G3Error('store/unreachable', 'the connection brings nothing')), stallMs)
  try {
    return await Promise.race([
      read.catch((cause: unknown) => {
        throw new G3Error('store/unreachable', 'the connection was cut', { cause })
      }),
      promise,
    ])
  } finally {
    clearTimeout(timer)
  }
}

function finish(sink: Sink, mark: FileMark, { sha256: wanted, signal }: TransferOptions): string {
  const found = hashOf(sink, signal)
  if (wanted === undefined || wanted === found) return found
  sink.truncate(0)
  const message = `what came is not what the hub announced (sha256 ${found.slice(0, 12)}…, not ${wanted.slice(0, 12)}…): it was deleted, download it again`
  throw new G3Error('store/changed', `${message} (${mark.size} bytes)`)
}

function hashOf(sink: Sink, signal: AbortSignal): string {
  const hash = sha256.create()
  const part = new Uint8Array(HASH_PART)
  for (let at = 0; at < sink.size;) {
    signal.throwIfAborted()
    const length = sink.read(at, part)
    hash.update(part.subarray(0, length))
    at += length
  }
  return bytesToHex(hash.digest())
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal.addEventListener('abort', onAbort, { once: true })
  })
