import { G3Error } from '@g3/backend'
import type { FileMark, TransferOptions } from './transfer.js'

/** An answer whose body carries the bytes [start, size) of the file; without a body where nothing is missing. */
export interface Answer {
  readonly body: ReadableStream<Uint8Array> | undefined
  readonly start: number
  readonly size: number
  readonly validator: string | undefined
}

/**
 * Asks for a file from byte `have` on, and for all of it where that is not sure to be the same file as before. `If-Range` would
 * say so in one request, but hubs do not let pages of other origins send it; so the answer's own marks are compared.
 */
export async function openRange(options: TransferOptions, mark: FileMark | undefined, have: number): Promise<Answer> {
  // Without a mark, and without a hash at the end, nothing would tell one file from another.
  const isSure = mark !== undefined && (mark.validator !== undefined || mark.sha256 !== undefined)
  if (have === 0 || !isSure) return whole(options)
  if (have > mark.size) return whole(options)
  if (have === mark.size) return { body: undefined, start: have, size: have, validator: mark.validator }
  const response = await ask(options, have)
  const answer = response.status === 206 ? partial(response, have) : undefined
  const isSame = answer?.size === mark.size && answer.validator === mark.validator
  if (answer && isSame) return answer
  await response.body?.cancel()
  return whole(options)
}

async function whole(options: TransferOptions): Promise<Answer> {
  const response = await ask(options, 0)
  const size = lengthOf(response)
  if (response.status !== 200 || response.body === null || size === undefined) {
    await response.body?.cancel()
    throw new G3Error('store/http', refusal(response))
  }
  return { body: response.body, start: 0, size, validator: validatorOf(response.headers) }
}

async function ask({ url, signal, fetch: get = fetch }: TransferOptions, from: number): Promise<Response> {
  let response: Response
  try {
    // A cache would keep gigabytes a second time.
    response = await get(url, { signal, cache: 'no-store', headers: from > 0 ? { range: `bytes=${from}-` } : {} })
  } catch (cause) {
    signal.throwIfAborted()
    const message = `${hostOf(url)} cannot be reached, or does not let pages read it (CORS): what came stays, try again later`
    throw new G3Error('store/unreachable', message, { cause })
  }
  if (response.status === 429 || response.status === 408 || response.status >= 500) {
    await response.body?.cancel()
    throw new G3Error(
      'store/unreachable',
      `${hostOf(url)} is busy or broken (${response.status}): what came stays, try again later`,
    )
  }
  return response
}

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url)

/** Pages of other origins may not read `content-range`, but they may read the length of what is left. */
function partial(response: Response, from: number): Answer | undefined {
  const left = lengthOf(response)
  const range = /^bytes (\d{1,15})-\d{1,15}\/(\d{1,15})$/.exec(response.headers.get('content-range') ?? '')
  const size = range ? Number(range[2]) : left === undefined ? undefined : from + left
  if (response.body === null || size === undefined || (range && Number(range[1]) !== from)) return undefined
  return { body: response.body, start: from, size, validator: validatorOf(response.headers) }
}

function lengthOf({ headers }: Response): number | undefined {
  // A packed answer's length is not the file's.
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') return undefined
  const length = headers.get('content-length') ?? ''
  return /^\d{1,15}$/.test(length) ? Number(length) : undefined
}

function validatorOf(headers: Headers): string | undefined {
  const etag = headers.get('etag')
  if (etag?.startsWith('"')) return etag
  return etag ? undefined : (headers.get('last-modified') ?? undefined)
}

function refusal({ status, url, ok }: Response): string {
  const host = hostOf(url)
  if (status === 401 || status === 403) {
    return `${host} refuses it (${status}): accept the model's licence there and download the file yourself, then open it from this device`
  }
  if (status === 404 || status === 410) return `${host} has no such file (${status}): check the address`
  if (ok) return `${host} does not say how large the file is: download it yourself, then open it from this device`
  return `${host} answered ${status}: check the address`
}
