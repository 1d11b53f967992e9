import { check, G3Error } from '@g3/backend'

/** What tells one version of a remote file from another. */
export interface FileStamp {
  readonly size: number
  readonly etag: string | null
  readonly modified: string | null
}

export interface RangeTarget {
  readonly url: string
  /** For messages. */
  readonly name: string
  readonly fetch: typeof fetch
  readonly headers: Readonly<Record<string, string>>
  /** A connection that brings nothing for this long counts as cut. */
  readonly stallMs: number
}

export interface RangeRequest {
  readonly start: number
  /** Bytes wanted; fewer come only where the file ends. */
  readonly length: number
  /** What the file was like before, unless this is the first request. */
  readonly stamp: FileStamp | undefined
  /** Gets the bytes in order, as they arrive, never more than `length`. */
  readonly receive: (bytes: Uint8Array) => void
  readonly signal: AbortSignal | undefined
}

/** Answers that may be better a moment later. */
const TRANSIENT = new Set([408, 425, 429, 500, 502, 503, 504])

/**
 * One request for a range. Throws `gguf/http-failed` for what a retry may mend (the bytes received until then are good)
 * and another code for what it won't.
 */
export async function requestRange(target: RangeTarget, request: RangeRequest): Promise<FileStamp> {
  const stalled = new AbortController()
  const watch = () =>
    setTimeout(() => stalled.abort(new Error(`no data for ${target.stallMs / 1000} s`)), target.stallMs)
  let timer = watch()
  const signal = request.signal ? AbortSignal.any([request.signal, stalled.signal]) : stalled.signal
  try {
    const range = `bytes=${request.start}-${request.start + request.length - 1}`
    const response = await target.fetch(target.url, { headers: { ...target.headers, range }, signal })
    // A reader, not `for await`: Safari's streams do not iterate.
    const reader = response.body?.getReader()
    try {
      const { stamp, length } = checkAnswer(target, request, response)
      let received = 0
      for (let part = await reader?.read(); part?.value; part = await reader?.read()) {
        clearTimeout(timer)
        timer = watch()
        received += part.value.byteLength
        check(
          received <= length,
          'gguf/http-range',
          () => `${target.name}: the server sent more than the range that it announced`,
        )
        request.receive(part.value)
      }
      check(
        received === length,
        'gguf/http-failed',
        () => `${target.name}: the connection ended after ${received} of ${length} bytes`,
      )
      return stamp
    } finally {
      // An answer that is not read to its end would hold its connection open. One that failed has nothing to cancel.
      await reader?.cancel().catch(() => undefined)
    }
  } catch (cause) {
    if (request.signal?.aborted || cause instanceof G3Error) throw cause
    const reason = stalled.signal.aborted ? String(stalled.signal.reason) : describe(cause)
    throw new G3Error(
      'gguf/http-failed',
      `${target.name}: the connection failed (${reason}); check the network and try again`,
      { cause },
    )
  } finally {
    clearTimeout(timer)
  }
}

function checkAnswer(
  target: RangeTarget,
  request: RangeRequest,
  response: Response,
): { stamp: FileStamp; length: number } {
  const { name } = target
  const { status, headers } = response
  check(!TRANSIENT.has(status), 'gguf/http-failed', () => `${name}: the server answered ${status}; try again later`)
  check(status === 200 || status === 206, 'gguf/http-status', () =>
    `${name}: the server answered ${status} ${meaning(status)}`.trimEnd(),
  )
  const encoding = headers.get('content-encoding') ?? 'identity'
  const contentRange = headers.get('content-range')
  check(
    status === 206 && contentRange !== null && encoding === 'identity',
    'gguf/http-no-ranges',
    () =>
      `${name}: the server does not serve plain byte ranges (status ${status}, content-range ${contentRange}, encoding ${encoding}); ` +
      'a server of another origin must also expose Content-Range. Download the whole file instead',
  )
  const sent = parseContentRange(contentRange)
  check(
    sent !== undefined &&
      sent.start === request.start &&
      sent.end === Math.min(sent.size, request.start + request.length),
    'gguf/http-range',
    () => `${name}: asked for ${request.length} bytes from ${request.start}, the server answered "${contentRange}"`,
  )
  const stamp = { size: sent.size, etag: headers.get('etag') || null, modified: headers.get('last-modified') }
  check(
    request.stamp === undefined || sameFile(request.stamp, stamp),
    'gguf/http-changed',
    () => `${name} changed on the server while it was read; open it again`,
  )
  return { stamp, length: sent.end - sent.start }
}

/** `bytes 0-99/1000` as half-open range and size; undefined for anything else, an unknown size included. */
export function parseContentRange(value: string): { start: number; end: number; size: number } | undefined {
  const match = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(value.trim())
  if (!match) return undefined
  const [start = 0, last = 0, size = 0] = match.slice(1).map(Number)
  const valid = [start, last, size].every(Number.isSafeInteger) && start <= last && last < size
  return valid ? { start, end: last + 1, size } : undefined
}

/** Servers behind one address may differ in Last-Modified, so it counts only where there is no ETag. */
const sameFile = (a: FileStamp, b: FileStamp): boolean =>
  a.size === b.size && a.etag === b.etag && (a.etag !== null || a.modified === b.modified)

function meaning(status: number): string {
  if (status === 401 || status === 403) return '(no permission: a token is missing, or does not allow this file)'
  if (status === 404 || status === 410) return '(no such file: check the address)'
  if (status === 416) return '(the file is empty or shorter than expected)'
  return ''
}

/** Hosts hide the real reason of a failed fetch in `cause`. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message || String(error.cause) : error.message
}
