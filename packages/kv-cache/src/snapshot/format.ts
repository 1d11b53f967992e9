import { check, G3Error } from '../errors.js'
import type { CacheState } from '../state.js'
import { xxh32 } from './xxh32.js'

/*
 * The container, version 1; integers are little-endian:
 *
 *   8 bytes   MAGIC
 *   u32       version
 *   u32       bytes of the header
 *   u32       checksum of the header, seeded with its bytes
 *   header    JSON in UTF-8, see Header
 *   i32 [..]  keys of all positions, then start and end of each image
 *   u32       checksum of these
 *   pages     cache after cache, in the order of the text: its bytes, then u32, their checksum
 *
 * A page's checksum is seeded with its number in the file, so that pages cannot change places.
 */

/** Its last bytes are changed by transfers that take it for text. */
export const MAGIC = Uint8Array.from('g3kv\r\n\x1a\n', (letter) => letter.charCodeAt(0))
export const VERSION = 1
/** Bytes of all before the header. */
export const PREAMBLE = MAGIC.length + 12
export const CHECKSUM = 4
/** It holds a few names and numbers. */
const MOST_HEADER_BYTES = 65536

/** What a snapshot fits: only bytes of the same model in caches of the same form mean the same. */
export interface SnapshotBinding {
  /** Names the model's weights, for example a hash of them. */
  readonly model: string
  /** One for each cache of the pool. */
  readonly caches: readonly PageForm[]
}

/** The form of a cache's pages. A `CacheStore` of `@g3/backend` is one. */
export interface PageForm {
  readonly layout: string
  readonly pageBytes: number
}

export interface Header {
  readonly model: string
  readonly length: number
  /** Number of images. */
  readonly blocks: number
  readonly wasShifted: boolean
  readonly caches: readonly (CacheState & PageForm)[]
}

/** @throws G3Error `kv-cache/size` for names that are too long */
export function writeHeader(header: Header): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(header))
  check(
    json.length <= MOST_HEADER_BYTES,
    'kv-cache/size',
    () => `the names of the model and of the layouts take ${json.length} bytes, more than ${MOST_HEADER_BYTES}`,
  )
  const bytes = new Uint8Array(PREAMBLE + json.length)
  bytes.set(MAGIC)
  bytes.set(json, PREAMBLE)
  const view = new DataView(bytes.buffer, MAGIC.length)
  view.setUint32(0, VERSION, true)
  view.setUint32(4, json.length, true)
  view.setUint32(8, xxh32(json, json.length), true)
  return bytes
}

/**
 * Bytes of the header, and their checksum.
 * @param preamble [PREAMBLE]
 * @throws G3Error `kv-cache/snapshot-corrupt`, `kv-cache/snapshot-version`
 */
export function readPreamble(preamble: Uint8Array): { readonly bytes: number; readonly checksum: number } {
  const isMagic = MAGIC.every((byte, i) => preamble[i] === byte)
  if (!isMagic) throw corrupt('it does not begin like one')
  const view = new DataView(preamble.buffer, preamble.byteOffset + MAGIC.length)
  const version = view.getUint32(0, true)
  check(
    version === VERSION,
    'kv-cache/snapshot-version',
    () => `the snapshot has version ${version}, this release reads version ${VERSION}`,
  )
  const bytes = view.getUint32(4, true)
  if (bytes > MOST_HEADER_BYTES) throw corrupt(`its header would have ${bytes} bytes`)
  return { bytes, checksum: view.getUint32(8, true) }
}

/** @throws G3Error `kv-cache/snapshot-corrupt` unless the JSON is a header */
export function readHeader(json: Uint8Array): Header {
  let header: unknown
  try {
    header = JSON.parse(new TextDecoder().decode(json))
  } catch {
    throw corrupt('its header is no JSON')
  }
  if (!isHeader(header)) throw corrupt('its header lacks what it must tell')
  return header
}

const isHeader = (value: unknown): value is Header =>
  isRecord(value) &&
  typeof value.model === 'string' &&
  isCount(value.length) &&
  isCount(value.blocks) &&
  value.blocks <= value.length &&
  typeof value.wasShifted === 'boolean' &&
  Array.isArray(value.caches) &&
  value.caches.every(
    (cache: unknown) =>
      isRecord(cache) &&
      typeof cache.layout === 'string' &&
      [cache.pageBytes, cache.first, cache.count, cache.floor].every(isCount),
  )

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

/** @throws G3Error `kv-cache/snapshot-corrupt` */
export function checkSum(what: string, bytes: Uint8Array, seed: number, sum: number): void {
  if (xxh32(bytes, seed) !== sum) throw corrupt(`the checksum of ${what} is another`)
}

export const corrupt = (message: string): G3Error =>
  new G3Error('kv-cache/snapshot-corrupt', `these bytes are no snapshot, or were changed: ${message}`)
