import { isG3Error } from '@g3/backend'
import { checkReach, type ByteSource } from './byte-source.js'
import { requestRange, type FileStamp, type RangeTarget } from './http-range.js'

export interface HttpSourceOptions {
  /** The fetch to use (default: the host's). */
  readonly fetch?: typeof fetch | undefined
  /** Sent with each request, e.g. `authorization`, which hosts drop when a redirect leaves the origin. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** Cancels the opening request. */
  readonly signal?: AbortSignal | undefined
  /** A connection that brings nothing for this long counts as cut (default 30,000). */
  readonly stallMs?: number | undefined
  /** Wait before the first retry, which doubles from one to the next (default 500). */
  readonly retryMs?: number | undefined
}

/**
 * Reads up to this size come from a window of {@link WINDOW} bytes: a model's norms cost a few requests, not hundreds.
 */
const SMALL_READ = 64 << 10
const WINDOW = 1 << 20

/** Requests that one read may cost. */
const ATTEMPTS = 5

/**
 * A file behind HTTP, read by ranges: only what is asked for travels, and a read that is cut goes on where it stopped.
 * @throws G3Error `gguf/http-status` (404, 403, …), `gguf/http-no-ranges` when the server sends whole files only,
 * `gguf/http-range` when it sends other bytes than asked for, `gguf/http-changed` when the file changes between
 * requests, `gguf/http-failed` when connections keep failing. Reads of the source throw the same.
 */
export async function httpSource(url: string, options: HttpSourceOptions = {}): Promise<ByteSource> {
  const name = fileName(url)
  const { headers = {}, stallMs = 30_000, retryMs = 500 } = options
  const target = {
    url,
    name,
    headers,
    stallMs,
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
  } satisfies RangeTarget

  const opening = new Uint8Array(WINDOW)
  const stamp = await fill(target, retryMs, 0, opening, undefined, options.signal)
  let window = { start: 0, bytes: opening.subarray(0, stamp.size) }

  async function windowOver(offset: number, length: number, signal: AbortSignal | undefined): Promise<typeof window> {
    const held = window
    if (offset >= held.start && offset + length <= held.start + held.bytes.byteLength) return held
    const fresh = { start: offset, bytes: new Uint8Array(Math.min(WINDOW, stamp.size - offset)) }
    await fill(target, retryMs, offset, fresh.bytes, stamp, signal)
    window = fresh
    return fresh
  }

  const source = {
    size: stamp.size,
    name,
    async read(offset: number, into: Uint8Array, signal?: AbortSignal): Promise<void> {
      signal?.throwIfAborted()
      checkReach(source, offset, into.byteLength)
      if (into.byteLength > SMALL_READ) {
        await fill(target, retryMs, offset, into, stamp, signal)
        return
      }
      const { start, bytes } = await windowOver(offset, into.byteLength, signal)
      into.set(bytes.subarray(offset - start, offset - start + into.byteLength))
    },
  }
  return source
}

/** Fills `into` from `start` on (up to the file's end), with retries that go on where the last request was cut. */
async function fill(
  target: RangeTarget,
  retryMs: number,
  start: number,
  into: Uint8Array,
  stamp: FileStamp | undefined,
  signal: AbortSignal | undefined,
): Promise<FileStamp> {
  let done = 0
  const receive = (bytes: Uint8Array) => {
    into.set(bytes, done)
    done += bytes.byteLength
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return await requestRange(target, { start: start + done, length: into.byteLength - done, stamp, receive, signal })
    } catch (cause) {
      if (attempt === ATTEMPTS || !isG3Error(cause) || cause.code !== 'gguf/http-failed') throw cause
      await pause(retryMs * 2 ** (attempt - 1), signal)
    }
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      if (signal?.aborted) reject(signal.reason)
      else resolve()
    }
    const timer = setTimeout(end, ms)
    signal?.addEventListener('abort', end)
    if (signal?.aborted) end()
  })
}

/** The last part of a URL's path: no query, which may hold a signature, and no credentials. */
function fileName(url: string): string {
  const path = url.split(/[?#]/, 1)[0] ?? ''
  return path.slice(path.lastIndexOf('/') + 1) || 'remote file'
}
