import { createHash, type Hash } from 'node:crypto'
import { open, readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises'
import { dirname } from 'node:path'
import { storeFailure, syncFolder } from './disk.js'

/** What a part belongs to: enough to go on with it later, and to tell when that is wrong. */
export interface PartOrigin {
  readonly url: string
  readonly size: number
  readonly validator: string | undefined
  readonly sha256: string | undefined
}

/** A file that is being written front to back, and hashed on the way. It outlives the process as `<path>.part`. */
export interface PartFile {
  readonly length: number
  /** Undefined when nothing is known about the bytes, which then count as none. */
  readonly origin: PartOrigin | undefined
  /** Whether bytes of an earlier process are in it. */
  readonly inherited: boolean
  append(bytes: Uint8Array): Promise<void>
  /** Throws away what is there and begins again. */
  restart(origin: PartOrigin): Promise<void>
  /** The first bytes, at most `length`. */
  head(length: number): Promise<Uint8Array>
  /** sha256 of all bytes, in hex. */
  digest(): string
  /** Flushes and moves the file to `path`, where others may use it. */
  publish(): Promise<void>
  /** Closes; what is there stays for the next time. */
  close(): Promise<void>
  /** Closes and deletes. */
  discard(): Promise<void>
}

const READ_SIZE = 4 << 20

/** Opens `<path>.part`, going on with what an earlier process left when it came from `url`. */
export async function openPart(path: string, url: string, signal: AbortSignal | undefined): Promise<PartFile> {
  const place = `${path}.part`
  const notes = `${place}.json`
  const guarded = async <T>(work: Promise<T>): Promise<T> =>
    work.catch((cause: unknown) => {
      throw storeFailure(place, cause)
    })

  let origin = await readOrigin(notes)
  if (origin?.url !== url) origin = undefined
  const handle = await guarded(open(place, origin ? 'a+' : 'w+'))
  let hash = createHash('sha256')
  let length = 0
  try {
    length = origin ? await hashExisting(handle, hash, signal) : 0
  } catch (cause) {
    await handle.close()
    throw storeFailure(place, cause)
  }
  let inherited = length > 0
  let closed = false

  const part: PartFile = {
    get length() {
      return length
    },
    get origin() {
      return origin
    },
    get inherited() {
      return inherited
    },
    async append(bytes) {
      for (let done = 0; done < bytes.byteLength;) {
        const { bytesWritten } = await guarded(handle.write(bytes, done, bytes.byteLength - done, length))
        hash.update(bytes.subarray(done, done + bytesWritten))
        done += bytesWritten
        length += bytesWritten
      }
    },
    async restart(next) {
      if (length > 0) await guarded(handle.truncate(0))
      hash = createHash('sha256')
      length = 0
      inherited = false
      origin = next
      await guarded(writeFile(notes, JSON.stringify(next)))
    },
    async head(count) {
      const bytes = new Uint8Array(Math.min(count, length))
      await guarded(handle.read(bytes, 0, bytes.byteLength, 0))
      return bytes
    },
    digest: () => hash.copy().digest('hex'),
    async publish() {
      await guarded(handle.sync())
      await part.close()
      await guarded(rename(place, path))
      await rm(notes, { force: true })
      await guarded(syncFolder(dirname(path)))
    },
    async close() {
      if (!closed) await handle.close()
      closed = true
    },
    async discard() {
      await part.close()
      await rm(place, { force: true })
      await rm(notes, { force: true })
    },
  }
  return part
}

async function readOrigin(notes: string): Promise<PartOrigin | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(notes, 'utf8'))
    return isOrigin(value) ? value : undefined
  } catch {
    return undefined
  }
}

function isOrigin(value: unknown): value is PartOrigin {
  if (typeof value !== 'object' || value === null || !('url' in value) || !('size' in value)) return false
  const texts = ['validator' in value ? value.validator : undefined, 'sha256' in value ? value.sha256 : undefined]
  return (
    typeof value.url === 'string' &&
    Number.isSafeInteger(value.size) &&
    texts.every((text) => text === undefined || typeof text === 'string')
  )
}

async function hashExisting(handle: FileHandle, hash: Hash, signal: AbortSignal | undefined): Promise<number> {
  const buffer = new Uint8Array(READ_SIZE)
  for (let length = 0; ;) {
    signal?.throwIfAborted()
    const { bytesRead } = await handle.read(buffer, 0, READ_SIZE, length)
    if (bytesRead === 0) return length
    hash.update(buffer.subarray(0, bytesRead))
    length += bytesRead
  }
}
