import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { check, G3Error, isG3Error } from '@g3/backend'
import { isFile } from './cache.js'
import { checkRoom, makeFolder, megabytes, type FreeBytes } from './disk.js'
import { withLock, type LockTiming } from './lock.js'
import { openPart, type PartFile } from './part-file.js'
import { describeFailure, openRemote, type RemoteAnswer, type RemoteFile } from './remote.js'

export interface FetchOptions {
  /** Called often, with the bytes that are on disk and the bytes that will be. */
  readonly onProgress?: ((bytes: number, total: number) => void) | undefined
  /** Gets single lines for people. */
  readonly log?: ((line: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
  readonly limits?: Partial<Limits> | undefined
}

/** Times and tries; tests shorten them. */
export interface Limits {
  /** How long a server may take to answer. */
  readonly answerMs: number
  /** A connection that brings nothing for this long counts as cut. */
  readonly stallMs: number
  /** Wait before the first retry; it doubles from one to the next. */
  readonly retryMs: number
  /** Failures in a row that end a download. One that brought {@link PROGRESS} bytes begins a new row. */
  readonly tries: number
  readonly freeBytes?: FreeBytes | undefined
  readonly lock?: LockTiming | undefined
}

const LIMITS: Limits = { answerMs: 10_000, stallMs: 60_000, retryMs: 500, tries: 5 }
const PROGRESS = 8 << 20

/** A server that knows nothing of bytes yet had its chance after this many: a GGUF file starts with these. */
const MAGIC = 'GGUF'

/**
 * Downloads a GGUF file to `path`: goes on where an earlier try was cut, checks the sha256 when one is known, and puts
 * the file in place only when it is whole. Any number of processes may do so at once; one downloads and the others
 * wait.
 * @throws G3Error those of {@link openRemote}, `models/cut`, `models/checksum`, `models/not-gguf`, `models/disk-full`,
 * `models/cache`
 */
export async function download(file: RemoteFile, path: string, options: FetchOptions = {}): Promise<void> {
  const limits = { ...LIMITS, ...options.limits }
  await makeFolder(dirname(path))
  const lock = {
    signal: options.signal,
    timing: limits.lock,
    onWait: () => options.log?.(`another process is downloading ${file.name}; waiting for it`),
  }
  await withLock(`${path}.lock`, lock, async (signal) => {
    if (await isFile(path)) return
    const part = await openPart(path, file.url.href, signal)
    try {
      await complete(file, path, part, { ...options, signal }, limits)
      await part.publish()
    } finally {
      await (part.length === 0 ? part.discard() : part.close())
    }
  })
}

/** Fetches until the part is whole and right. */
async function complete(
  file: RemoteFile,
  path: string,
  part: PartFile,
  options: FetchOptions,
  limits: Limits,
): Promise<void> {
  for (let failures = 0, answered = false; ;) {
    const before = part.length
    try {
      await transfer(file, path, part, options, limits, (size) => {
        if (!answered) options.log?.(`downloading ${file.name} (${megabytes(size)}) from ${file.url.host}`)
        answered = true
      })
      return await verify(file, part)
    } catch (cause) {
      options.signal?.throwIfAborted()
      failures = part.length - before >= PROGRESS ? 1 : failures + 1
      if (!mayMend(cause, answered)) throw cause
      if (failures >= limits.tries) throw giveUp(file, part, failures, cause)
      await sleep(limits.retryMs * 2 ** (failures - 1), undefined, { signal: options.signal }).catch(() =>
        options.signal?.throwIfAborted(),
      )
    }
  }
}

/** A server that was never reached is told at once: the caller may know another one. */
const mayMend = (cause: unknown, answered: boolean): boolean =>
  isG3Error(cause) &&
  (cause.code === 'models/cut' ||
    cause.code === 'models/unavailable' ||
    (cause.code === 'models/unreachable' && answered))

function giveUp(file: RemoteFile, part: PartFile, failures: number, cause: unknown): unknown {
  const { length, origin } = part
  if (length === 0 || !origin) return cause
  const state = origin.validator
    ? `${megabytes(length)} of ${megabytes(origin.size)} are kept`
    : 'the server cannot go on in the middle'
  const why = cause instanceof Error ? cause.message : String(cause)
  return new G3Error(
    'models/cut',
    `${file.name}: gave up after ${failures} failures in a row; ${state}, run the command again (${why})`,
    { cause },
  )
}

async function transfer(
  file: RemoteFile,
  path: string,
  part: PartFile,
  options: FetchOptions,
  limits: Limits,
  onAnswer: (size: number) => void,
): Promise<void> {
  const { signal } = options
  const { origin } = part
  if (origin && part.length === origin.size) return
  const from = origin?.validator === undefined || part.length > origin.size ? 0 : part.length
  const answer = await openRemote(file, { from, validator: origin?.validator, answerMs: limits.answerMs, signal })
  onAnswer(answer.size)
  const reader = answer.body.getReader()
  try {
    await prepare(file, part, answer)
    await checkRoom(dirname(path), answer.size - part.length, limits.freeBytes)
    options.onProgress?.(part.length, answer.size)
    while (part.length < answer.size) {
      const bytes = await nextBytes(file, reader, limits.stallMs, signal)
      check(
        part.length + bytes.byteLength <= answer.size,
        'models/http',
        () => `${file.name}: the server sent more than the ${answer.size} bytes that it announced`,
      )
      const early = part.length < MAGIC.length
      await part.append(bytes)
      if (early && part.length >= MAGIC.length) await checkMagic(file, part)
      options.onProgress?.(part.length, answer.size)
    }
  } finally {
    // Ends the connection when it is not through; one that failed has nothing to end.
    await reader.cancel().catch(() => undefined)
  }
}

/** Decides whether the answer goes on with the part or begins it again. */
async function prepare(file: RemoteFile, part: PartFile, answer: RemoteAnswer): Promise<void> {
  const { origin } = part
  const { start, size, validator, sha256 } = answer
  if (start > 0 && origin && size === origin.size && (sha256 ?? origin.sha256) === origin.sha256) return
  await part.restart({ url: file.url.href, size, validator, sha256 })
  check(start === 0, 'models/cut', () => `${file.name} changed on the server; beginning again`)
}

async function nextBytes(
  file: RemoteFile,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  stallMs: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const stall = new AbortController()
  const stalled = sleep(stallMs, undefined, { signal: stall.signal }).then(() => {
    throw new Error(`nothing came for ${stallMs / 1000} s`)
  })
  try {
    const { done, value } = await Promise.race([reader.read(), stalled])
    if (!done) return value
    throw new Error('the server ended it')
  } catch (cause) {
    signal?.throwIfAborted()
    throw new G3Error('models/cut', `${file.name}: the connection was cut (${describeFailure(cause)})`, { cause })
  } finally {
    stalled.catch(() => undefined)
    stall.abort()
  }
}

async function checkMagic(file: RemoteFile, part: PartFile): Promise<void> {
  const head = new TextDecoder('latin1').decode(await part.head(MAGIC.length))
  if (head === MAGIC) return
  await part.discard()
  throw new G3Error(
    'models/not-gguf',
    `${file.name}: what the server sends is no GGUF file (it starts with ${JSON.stringify(head)}); check the address`,
  )
}

/** A damaged file goes; one that had bytes from an earlier run gets a second try, since those are the likely cause. */
async function verify(file: RemoteFile, part: PartFile): Promise<void> {
  const { origin, inherited } = part
  if (part.length < MAGIC.length) await checkMagic(file, part)
  if (origin?.sha256 === undefined || part.digest() === origin.sha256) return
  if (inherited) {
    await part.restart(origin)
    throw new G3Error('models/cut', `${file.name}: what an earlier run left was damaged; beginning again`)
  }
  await part.discard()
  throw new G3Error(
    'models/checksum',
    `${file.name}: the downloaded file is damaged (its sha256 is not ${origin.sha256}); it was deleted, run the command again`,
  )
}
