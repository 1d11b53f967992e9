import { check } from '@g3/backend'
import type { ByteSource } from './byte-source.js'

/**
 * Headers larger than this are refused. Gemma 3's are 6 MB, nearly all of it vocabulary; everything that a header makes
 * us allocate is bounded by a small multiple of this.
 */
export const HEADER_LIMIT = 64 << 20

/** Bytes fetched at first; each later fetch doubles what is held, by at most {@link LARGEST_STEP}. */
const FIRST_STEP = 256 << 10
const LARGEST_STEP = 4 << 20

/** Keys and tensor names longer than this are refused (the format allows 65,535 and 64). */
const NAME_LIMIT = 65_535

/**
 * Reads a header front to back, fetching as it goes. The `take…` readers are synchronous and need
 * {@link HeaderCursor.fill} first; a loop over 262,144 strings then waits only where bytes are really missing.
 */
export interface HeaderCursor {
  /** Offset in the file of the next byte. */
  readonly at: number
  /** Bytes of the file that follow. */
  readonly left: number
  /** Whether the next `bytes` bytes are here already. */
  has(bytes: number): boolean
  /** Fetches until {@link HeaderCursor.has} holds. @throws G3Error `gguf/truncated`, `gguf/header-too-large` */
  fill(bytes: number): Promise<void>
  /** The next fixed-size value, e.g. `take(4, (view, at) => view.getUint32(at, true))`. */
  take<T>(bytes: number, get: (view: DataView, at: number) => T): T
  /** A u64 that counts something. @throws G3Error `gguf/too-large` above 2^53 */
  takeCount(what: string): number
  skip(bytes: number): void
  /** A copy of the header's bytes [from, to), `to` at most `at`. */
  slice(from: number, to: number): Uint8Array<ArrayBuffer>
  u32(): Promise<number>
  count(what: string): Promise<number>
  /** A string that names something: valid UTF-8, bounded. */
  name(what: string): Promise<string>
  /**
   * A string value; invalid UTF-8 becomes U+FFFD, since a licence text with a stray byte is no reason to refuse a
   * model.
   */
  text(what: string): Promise<string>
}

export function headerCursor(source: ByteSource, signal: AbortSignal | undefined): HeaderCursor {
  let bytes = new Uint8Array(0)
  let view = new DataView(bytes.buffer)
  let filled = 0
  let at = 0
  const lenient = new TextDecoder('utf-8', { ignoreBOM: true })
  const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true })

  const cursor: HeaderCursor = {
    get at() {
      return at
    },
    get left() {
      return source.size - at
    },
    has: (count) => count <= filled - at,
    async fill(count) {
      if (count <= filled - at) return
      check(
        count <= source.size - at,
        'gguf/truncated',
        () =>
          `${source.name} ends at byte ${source.size}, inside its header (${count} more needed from ${at}): fetch it again`,
      )
      check(
        at + count <= HEADER_LIMIT,
        'gguf/header-too-large',
        () =>
          `the header of ${source.name} is larger than ${HEADER_LIMIT >> 20} MiB, which no Gemma model needs: the file is damaged`,
      )
      const step = Math.min(LARGEST_STEP, Math.max(FIRST_STEP, filled))
      const target = Math.min(source.size, HEADER_LIMIT, Math.max(at + count, filled + step))
      if (target > bytes.byteLength) {
        const larger = new Uint8Array(Math.min(HEADER_LIMIT, source.size, Math.max(target, bytes.byteLength * 2)))
        larger.set(bytes.subarray(0, filled))
        bytes = larger
        view = new DataView(bytes.buffer)
      }
      await source.read(filled, bytes.subarray(filled, target), signal)
      filled = target
    },
    take(count, get) {
      const value = get(view, at)
      at += count
      return value
    },
    takeCount(what) {
      const low = view.getUint32(at, true)
      const high = view.getUint32(at + 4, true)
      const value = high * 2 ** 32 + low
      check(
        Number.isSafeInteger(value),
        'gguf/too-large',
        () => `${source.name} gives ${value} as ${what}, which no file can hold: the header is damaged`,
      )
      at += 8
      return value
    },
    skip(count) {
      at += count
    },
    slice: (from, to) => bytes.slice(from, to),
    async u32() {
      await cursor.fill(4)
      return cursor.take(4, (data, position) => data.getUint32(position, true))
    },
    async count(what) {
      await cursor.fill(8)
      return cursor.takeCount(what)
    },
    async name(what) {
      const length = await cursor.count(`the length of ${what}`)
      check(
        length > 0 && length <= NAME_LIMIT,
        'gguf/bad-name',
        () => `${source.name} has ${length} bytes in ${what} (1 to ${NAME_LIMIT} are allowed): the header is damaged`,
      )
      await cursor.fill(length)
      at += length
      try {
        return strict.decode(bytes.subarray(at - length, at))
      } catch {
        check(false, 'gguf/bad-name', `${source.name} has ${what} that is no UTF-8: the header is damaged`)
      }
    },
    async text(what) {
      const length = await cursor.count(`the length of ${what}`)
      await cursor.fill(length)
      at += length
      return lenient.decode(bytes.subarray(at - length, at))
    },
  }
  return cursor
}
