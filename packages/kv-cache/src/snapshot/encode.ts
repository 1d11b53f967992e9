import { check } from '../errors.js'
import type { Sequence } from '../sequence.js'
import { CHECKSUM, writeHeader, type SnapshotBinding } from './format.js'
import { xxh32 } from './xxh32.js'

export interface EncodeOptions extends SnapshotBinding {
  /** [length of the sequence] what each position is, see `PrefixTree.keep`; given back by `decodeSnapshot` */
  readonly keys: Int32Array
  /** Copies a page of a cache, all layers: `readPage` of a backend. `into` has the cache's `pageBytes`. */
  readPage(cache: number, page: number, into: Uint8Array): Promise<unknown>
}

/**
 * A text as bytes, page by page: at most one page is in memory. The snapshot is of the text as it is when the first
 * bytes are asked for; it may go on meanwhile, since a fork keeps its pages until the last byte, or `return()`.
 * @throws G3Error `kv-cache/keys` for another number of keys, `kv-cache/size` for names that are too long or another
 *   number of caches, `kv-cache/dropped`
 */
export async function* encodeSnapshot(
  sequence: Sequence,
  { model, caches, keys, readPage }: EncodeOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const text = sequence.fork()
  try {
    const { length, blocks, wasShifted, caches: held } = text.state()
    check(keys.length === length, 'kv-cache/keys', () => `${keys.length} keys for ${length} positions`)
    check(held.length === caches.length, 'kv-cache/size', () => `${caches.length} layouts for ${held.length} caches`)
    const forms = caches.map(({ layout, pageBytes }, cache) => ({ layout, pageBytes, ...held[cache] }))
    yield writeHeader({ model, length, blocks: blocks.length, wasShifted, caches: forms })
    yield withChecksum(integers(keys, blocks.flatMap(({ start, end }) => [start, end])), 0)
    let number = 0
    for (const [cache, { pageBytes }] of caches.entries()) {
      for (const page of text.pagesIn(cache)) {
        const bytes = new Uint8Array(pageBytes + CHECKSUM)
        await readPage(cache, page, bytes.subarray(0, pageBytes))
        yield withChecksum(bytes, number++)
      }
    }
  } finally {
    text.drop()
  }
}

/** Numbers as bytes, with room for a checksum. */
function integers(keys: Int32Array, blocks: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 * (keys.length + blocks.length) + CHECKSUM)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < keys.length; i++) view.setInt32(4 * i, keys[i], true)
  for (let i = 0; i < blocks.length; i++) view.setInt32(4 * (keys.length + i), blocks[i], true)
  return bytes
}

/** Puts the checksum of what comes before them into the last bytes. */
function withChecksum(bytes: Uint8Array, seed: number): Uint8Array {
  const end = bytes.length - CHECKSUM
  new DataView(bytes.buffer).setUint32(end, xxh32(bytes.subarray(0, end), seed), true)
  return bytes
}
