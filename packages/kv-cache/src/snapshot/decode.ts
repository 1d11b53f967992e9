import type { Block } from '../blocks.js'
import { G3Error } from '../errors.js'
import type { Pool } from '../pool.js'
import type { Sequence } from '../sequence.js'
import type { SequenceState } from '../state.js'
import { byteReader, type ByteReader } from './byte-reader.js'
import {
  CHECKSUM,
  checkSum,
  corrupt,
  PREAMBLE,
  readHeader,
  readPreamble,
  type Header,
  type SnapshotBinding,
} from './format.js'

export interface DecodeOptions extends SnapshotBinding {
  readonly pool: Pool
  /** A further name whose snapshots fit. */
  readonly alsoModel?: string
  /**
   * Replaces a page of a cache, all layers: `writePage` of a backend. The bytes are good until it resolves.
   */
  writePage(cache: number, page: number, bytes: Uint8Array): Promise<void>
}

/** A text that was restored. */
export interface Restored {
  /** Its caller's own. */
  readonly sequence: Sequence
  /** [length] what each position is. */
  readonly keys: Int32Array
}

/**
 * Makes the text of a snapshot again, in fresh pages: the same bytes, so the same bits from there on. Reads the stream
 * to its end, one page in memory at a time, and holds nothing of it when it fails.
 * @throws G3Error `kv-cache/snapshot-foreign` for another model or layout, `kv-cache/snapshot-version`,
 *   `kv-cache/snapshot-truncated`, `kv-cache/snapshot-corrupt`, `kv-cache/full` for a text longer than the pool's
 *   context, `kv-cache/out-of-pages`; what the stream or `writePage` throws
 */
export async function decodeSnapshot(
  source: AsyncIterable<Uint8Array>,
  { pool, writePage, alsoModel, ...binding }: DecodeOptions,
): Promise<Restored> {
  const reader = byteReader(source)
  let sequence: Sequence | undefined
  try {
    const header = await nextHeader(reader)
    checkBinding(header, binding, alsoModel)
    checkFits(header, pool)
    const { keys, blocks } = await nextText(reader, header)
    sequence = sequenceOf(pool, { ...header, blocks })
    await restorePages(reader, sequence, binding, writePage)
    if (!(await reader.isAtEnd())) throw corrupt('more follows its end')
    return { sequence, keys }
  } catch (error) {
    sequence?.drop()
    throw error
  } finally {
    await reader.close()
  }
}

async function nextHeader(reader: ByteReader): Promise<Header> {
  const preamble = new Uint8Array(PREAMBLE)
  await reader.fill(preamble)
  const { bytes, checksum } = readPreamble(preamble)
  const json = new Uint8Array(bytes)
  await reader.fill(json)
  checkSum('the header', json, bytes, checksum)
  return readHeader(json)
}

/** The numbers of a text, whose length was checked. */
async function nextText(
  reader: ByteReader,
  { length, blocks: count }: Header,
): Promise<{ readonly keys: Int32Array; readonly blocks: readonly Block[] }> {
  const bytes = new Uint8Array(4 * (length + 2 * count) + CHECKSUM)
  const view = await nextChecked(reader, bytes, 'the keys', 0)
  return {
    keys: Int32Array.from({ length }, (_, i) => view.getInt32(4 * i, true)),
    blocks: Array.from({ length: count }, (_, i) => ({
      start: view.getInt32(4 * (length + 2 * i), true),
      end: view.getInt32(4 * (length + 2 * i + 1), true),
    })),
  }
}

/** @throws G3Error `kv-cache/snapshot-corrupt` for what was never a text's state, `kv-cache/out-of-pages` */
function sequenceOf(pool: Pool, state: SequenceState): Sequence {
  try {
    return pool.sequence(state)
  } catch (error) {
    if (error instanceof G3Error && error.code === 'kv-cache/state') throw corrupt(error.message)
    throw error
  }
}

async function restorePages(
  reader: ByteReader,
  sequence: Sequence,
  { caches }: SnapshotBinding,
  writePage: DecodeOptions['writePage'],
): Promise<void> {
  let number = 0
  for (const [cache, { pageBytes }] of caches.entries()) {
    const bytes = new Uint8Array(pageBytes + CHECKSUM)
    for (const page of sequence.pagesIn(cache)) {
      await nextChecked(reader, bytes, `page ${number}`, number++)
      await writePage(cache, page, bytes.subarray(0, pageBytes))
    }
  }
}

/** Fills `bytes`, whose last are the checksum of the others. */
async function nextChecked(reader: ByteReader, bytes: Uint8Array, what: string, seed: number): Promise<DataView> {
  await reader.fill(bytes)
  const view = new DataView(bytes.buffer)
  const end = bytes.length - CHECKSUM
  checkSum(what, bytes.subarray(0, end), seed, view.getUint32(end, true))
  return view
}

/** @throws G3Error `kv-cache/snapshot-foreign` */
function checkBinding(header: Header, { model, caches }: SnapshotBinding, alsoModel: string | undefined): void {
  if (header.model !== model && header.model !== alsoModel)
    throw foreign(`is of the model ${header.model}, not of ${alsoModel ?? model}`)
  if (header.caches.length !== caches.length) {
    throw foreign(`has ${header.caches.length} caches, this model has ${caches.length}`)
  }
  for (const [cache, { layout, pageBytes }] of caches.entries()) {
    const written = header.caches[cache]
    if (written.layout !== layout || written.pageBytes !== pageBytes) {
      const form = `${written.layout} in pages of ${written.pageBytes} bytes`
      throw foreign(`holds cache ${cache} as ${form}, here it is ${layout} in pages of ${pageBytes}`)
    }
  }
}

const foreign = (message: string): G3Error =>
  new G3Error('kv-cache/snapshot-foreign', `the snapshot ${message}; restore it where it was made`)

/** Before anything is allocated. */
function checkFits({ length }: Header, { context }: Pool): void {
  if (length <= context) return
  throw new G3Error('kv-cache/full', `the snapshot has ${length} positions, and the context holds ${context}`)
}
