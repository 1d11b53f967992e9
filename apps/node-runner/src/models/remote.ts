import { check, G3Error } from '@g3/backend'

/** Where a file is, and what may be sent there. */
export interface RemoteFile {
  readonly url: URL
  /** For messages. */
  readonly name: string
  /** Set for files of the hub. */
  readonly hub?: Hub | undefined
}

export interface Hub {
  /** The only origin that gets the token, however often it redirects, and whose word on a file's sha256 counts. */
  readonly origin: string
  readonly token: string | undefined
}

export interface RemoteRequest {
  /** First byte wanted. */
  readonly from: number
  /** What the bytes before `from` belong to (an ETag or a date): a changed file comes whole instead. */
  readonly validator?: string | undefined
  /** How long a server may take to answer. */
  readonly answerMs: number
  readonly signal?: AbortSignal | undefined
}

/** An answer whose body carries the bytes [start, size) of the file. */
export interface RemoteAnswer {
  readonly body: ReadableStream<Uint8Array>
  readonly start: number
  readonly size: number
  /** For {@link RemoteRequest.validator}; undefined when the server gives none that is strong. */
  readonly validator: string | undefined
  /** Of the whole file, when the hub says. */
  readonly sha256: string | undefined
}

const REDIRECTS = 6
const REDIRECT_STATUS = new Set([301, 302, 303, 307, 308])
const SHA256 = /^"?([0-9a-f]{64})"?$/i

/**
 * Asks for a file from a byte on, following redirects itself: the hub's sha256 stands in the answer that redirects, and
 * a token must not follow to another origin.
 * @throws G3Error `models/unreachable` (no connection, no answer), `models/unavailable` (busy or broken server),
 * `models/unauthorized`, `models/no-file`, `models/http` for any other answer that is no file
 */
export async function openRemote(file: RemoteFile, request: RemoteRequest): Promise<RemoteAnswer> {
  const { from } = request
  let url = file.url
  let sha256: string | undefined
  for (let hop = 0; hop <= REDIRECTS; hop++) {
    const response = await fetchOnce(file, url, request)
    const { headers, status } = response
    if (url.origin === file.hub?.origin) sha256 ??= hashIn(headers.get('x-linked-etag')) ?? hashIn(headers.get('etag'))
    if (REDIRECT_STATUS.has(status)) {
      await response.body?.cancel()
      url = redirected(file, url, headers.get('location'))
    } else if (from > 0 && !keepsRange(response, from)) {
      await response.body?.cancel()
      return openRemote(file, { ...request, from: 0 })
    } else return readAnswer(file, from, response, sha256)
  }
  throw new G3Error('models/http', `${file.name}: the server redirects more than ${REDIRECTS} times; check its address`)
}

async function fetchOnce(
  file: RemoteFile,
  url: URL,
  { from, validator, answerMs, signal }: RemoteRequest,
): Promise<Response> {
  const headers = new Headers({ 'accept-encoding': 'identity', 'user-agent': 'g3' })
  if (from > 0) headers.set('range', `bytes=${from}-`)
  if (from > 0 && validator) headers.set('if-range', validator)
  if (file.hub?.token && url.origin === file.hub.origin) headers.set('authorization', `Bearer ${file.hub.token}`)
  const late = new AbortController()
  const timer = setTimeout(() => late.abort(new Error(`no answer within ${answerMs / 1000} s`)), answerMs)
  // The caller's signal stays on the body; the timer only watches the answer.
  const both = signal ? AbortSignal.any([signal, late.signal]) : late.signal
  try {
    return await fetch(url, { headers, redirect: 'manual', signal: both })
  } catch (cause) {
    signal?.throwIfAborted()
    const reason = late.signal.aborted ? `no answer within ${answerMs / 1000} s` : describeFailure(cause)
    throw new G3Error('models/unreachable', `${file.name}: ${url.host} cannot be reached (${reason})`, { cause })
  } finally {
    clearTimeout(timer)
  }
}

function redirected(file: RemoteFile, from: URL, location: string | null): URL {
  const to = location === null || !URL.canParse(location, from) ? undefined : new URL(location, from)
  check(to !== undefined, 'models/http', () => `${file.name}: ${from.host} redirects to nowhere`)
  check(
    to.protocol === 'https:' || (to.protocol === 'http:' && from.protocol === 'http:'),
    'models/http',
    () => `${file.name}: ${from.host} redirects to ${to.protocol}//, which is not followed`,
  )
  return to
}

async function readAnswer(
  file: RemoteFile,
  from: number,
  response: Response,
  sha256: string | undefined,
): Promise<RemoteAnswer> {
  try {
    checkStatus(file, response)
    const { headers, body } = response
    check(body !== null, 'models/http', () => `${file.name}: the server sent an empty answer`)
    const encoding = headers.get('content-encoding') ?? 'identity'
    check(
      encoding === 'identity',
      'models/http',
      () => `${file.name}: the server sends it compressed (${encoding}), which was not asked for`,
    )
    const { start, size } =
      response.status === 206 ? partial(file, from, headers) : { start: 0, size: whole(file, headers) }
    return { body, start, size, validator: strongValidator(headers), sha256 }
  } catch (cause) {
    await response.body?.cancel()
    throw cause
  }
}

function checkStatus({ name, hub }: RemoteFile, { status, headers }: Response): void {
  if (status === 200 || status === 206) return
  if (status === 401 || status === 403) {
    throw new G3Error('models/unauthorized', `${name}: no permission (${status}${reason(headers)}); ${permission(hub)}`)
  }
  if (status === 404 || status === 410)
    throw new G3Error(
      'models/no-file',
      `${name}: there is no such file (${status}${reason(headers)}); check the address`,
    )
  if (status === 429) {
    const wait = headers.get('retry-after')
    throw new G3Error(
      'models/unavailable',
      `${name}: too many requests (429); try again ${wait ? `after ${wait} s` : 'later'}`,
    )
  }
  if (status === 408 || status >= 500)
    throw new G3Error('models/unavailable', `${name}: the server has a problem (${status}); try again later`)
  throw new G3Error('models/http', `${name}: the server answered ${status}${reason(headers)}`)
}

/** How to get the permission that lacks. */
function permission(hub: Hub | undefined): string {
  if (!hub) return 'download it by other means and give its path'
  const licence = "accept the model's licence on its page"
  if (hub.token) return `the token in HF_TOKEN may not read it: ${licence}, or use another token`
  return `it is private or gated: ${licence} and set HF_TOKEN to a token of yours`
}

/** The hub says in words why it refuses. */
function reason(headers: Headers): string {
  const message = headers.get('x-error-message')
  return message ? `, ${message.slice(0, 200)}` : ''
}

/** False when the file became shorter, or the server gives another part than asked for: then the whole file must do. */
const keepsRange = ({ status, headers }: Response, from: number): boolean =>
  status !== 416 && (status !== 206 || sizeFrom(from, headers) !== undefined)

/** The file's size, when the answer holds all of it from byte `from` on. */
function sizeFrom(from: number, headers: Headers): number | undefined {
  const range = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(headers.get('content-range') ?? '')
  const [, first, last = NaN, size] = range?.map(Number) ?? []
  return first === from && last + 1 === size ? size : undefined
}

function partial({ name }: RemoteFile, from: number, headers: Headers): { start: number; size: number } {
  const size = sizeFrom(from, headers)
  check(
    size !== undefined,
    'models/http',
    () => `${name}: asked for bytes from ${from}, the server answered "${headers.get('content-range')}"`,
  )
  return { start: from, size }
}

function whole({ name }: RemoteFile, headers: Headers): number {
  const length = headers.get('content-length') ?? ''
  check(
    /^\d{1,15}$/.test(length),
    'models/http',
    () => `${name}: the server does not say how large it is; download it by other means and give its path`,
  )
  return Number(length)
}

function strongValidator(headers: Headers): string | undefined {
  const etag = headers.get('etag')
  if (etag?.startsWith('"')) return etag
  return etag ? undefined : (headers.get('last-modified') ?? undefined)
}

const hashIn = (value: string | null): string | undefined => SHA256.exec(value ?? '')?.[1]?.toLowerCase()

/** Hosts hide the real reason of a failed fetch in `cause`. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.cause instanceof Error)
    return error.cause.message || ('code' in error.cause ? String(error.cause.code) : error.message)
  return error.message
}
