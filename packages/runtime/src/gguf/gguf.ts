import { check, G3Error, isPacked, type PackedTensor, type StoredType } from '@g3/backend'
import { loadable } from '../packing/loadable.js'
import type { ByteSource } from './byte-source.js'
import { headerCursor, type HeaderCursor } from './cursor.js'
import { SUPPORTED_TYPES } from './ggml-types.js'
import { readTensors, type TensorDirectory, type TensorPlace } from './tensors.js'
import { valueReader, type GgufValue } from './values.js'

/** A GGUF file whose header was read and checked. Tensor data stays where it is until somebody reads it. */
export interface Gguf extends TensorDirectory {
  readonly version: number
  /** Tensors start at multiples of this many bytes. */
  readonly alignment: number
  readonly metadata: ReadonlyMap<string, GgufValue>
  /** Where the keys with their values lie in the file, for those who copy them as they are. */
  readonly keys: { readonly count: number; readonly offset: number; readonly byteLength: number }
  readonly source: ByteSource
}

/** `GGUF`, as a little-endian u32. */
const MAGIC = 0x46554747

/** Known files have about 40 keys and 810 tensors (27B). */
const KEY_LIMIT = 65_536
const TENSOR_LIMIT = 65_536

/** Least bytes of a key with its value, and of a tensor description: what bounds their counts by the file's size. */
const LEAST_KEY_BYTES = 8 + 1 + 4 + 1
const LEAST_TENSOR_BYTES = 8 + 1 + 4 + 8 + 4 + 8

/**
 * Reads and checks a header (versions 2 and 3). Source of the format: the GGUF specification in ggml's `docs/gguf.md`.
 * @throws G3Error with a code `gguf/…` for anything wrong with the file; never allocates more than a few times
 * the header's limit of 64 MiB, nor more than a file of that size can ask for.
 */
export async function readGguf(source: ByteSource, options: { signal?: AbortSignal | undefined } = {}): Promise<Gguf> {
  const cursor = headerCursor(source, options.signal)
  const version = await readVersion(cursor, source.name)
  const tensorCount = await readCount(cursor, 'tensors', TENSOR_LIMIT, LEAST_TENSOR_BYTES)
  const keyCount = await readCount(cursor, 'keys', KEY_LIMIT, LEAST_KEY_BYTES)
  const offset = cursor.at
  const metadata = await readMetadata(cursor, keyCount)
  const keys = { count: keyCount, offset, byteLength: cursor.at - offset }
  checkWhole(metadata, source.name)
  const alignment = readAlignment(metadata)
  return { version, alignment, metadata, keys, source, ...(await readTensors(cursor, source, tensorCount, alignment)) }
}

/**
 * The tensor of this name, ready to load: as it is stored when backends hold its type, else repacked to 8 bits while it
 * is read. `gguf.tensors` has all as they are stored.
 * @throws G3Error `gguf/missing-tensor`, or `gguf/unsupported-type` for one whose values are not known.
 */
export function tensorNamed(gguf: Gguf, name: string): PackedTensor {
  const tensor = gguf.tensors.get(name)
  if (tensor) return loadable(tensor)
  const unsupported = gguf.unsupported.get(name)
  if (unsupported) {
    throw new G3Error(
      'gguf/unsupported-type',
      `tensor ${name} of ${gguf.source.name} is ${unsupported.type}; supported are ${SUPPORTED_TYPES.join(', ')}: choose such a file`,
    )
  }
  throw new G3Error(
    'gguf/missing-tensor',
    `${gguf.source.name} has no tensor ${name}: it is not a whole Gemma 3 text model`,
  )
}

/** Types of the tensors that {@link tensorNamed} repacks; people may want to know. */
export const repackedTypes = (gguf: Gguf): readonly StoredType[] => [
  ...new Set([...gguf.tensors.values()].filter((tensor) => !isPacked(tensor)).map(({ type }) => type)),
]

/** Where this tensor is, whether its type is supported or not. */
export const placeOf = (gguf: Gguf, name: string): TensorPlace | undefined =>
  gguf.tensors.get(name) ?? gguf.unsupported.get(name)

async function readVersion(cursor: HeaderCursor, name: string): Promise<number> {
  check(
    cursor.left >= 8,
    'gguf/truncated',
    () => `${name} has ${cursor.left} bytes, too few for a GGUF file: fetch it again`,
  )
  const magic = await cursor.u32()
  check(
    magic === MAGIC,
    'gguf/bad-magic',
    () => `${name} is no GGUF file: it starts with ${spell(magic)} instead of "GGUF"`,
  )
  const version = await cursor.u32()
  check(
    version === 0 || version % 65_536 !== 0,
    'gguf/big-endian',
    () => `${name} is a big-endian GGUF file; convert it to little-endian (the usual kind) first`,
  )
  check(
    version === 2 || version === 3,
    'gguf/version',
    () => `${name} has GGUF version ${version}; versions 2 and 3 are supported: get a newer conversion of the model`,
  )
  return version
}

async function readCount(cursor: HeaderCursor, what: string, limit: number, leastBytes: number): Promise<number> {
  const count = await cursor.count(`the number of ${what}`)
  check(
    count <= limit,
    'gguf/too-large',
    () => `the header announces ${count} ${what}, more than ${limit}: it is damaged`,
  )
  check(
    count * leastBytes <= cursor.left,
    'gguf/truncated',
    () => `the header announces ${count} ${what}, more than the rest of the file holds: it is damaged or incomplete`,
  )
  return count
}

async function readMetadata(cursor: HeaderCursor, count: number): Promise<Map<string, GgufValue>> {
  const metadata = new Map<string, GgufValue>()
  const readValue = valueReader(cursor)
  for (let i = 0; i < count; i++) {
    const key = await cursor.name('a key')
    check(!metadata.has(key), 'gguf/duplicate-key', () => `the header has key ${key} twice: it is damaged`)
    metadata.set(key, await readValue(key))
  }
  return metadata
}

function checkWhole(metadata: ReadonlyMap<string, GgufValue>, name: string): void {
  const parts = metadata.get('split.count') ?? 0
  check(
    typeof parts === 'number' && parts <= 1,
    'gguf/split',
    () => `${name} is one of ${parts} parts of a split model; join them into one file first (llama-gguf-split --merge)`,
  )
}

function readAlignment(metadata: ReadonlyMap<string, GgufValue>): number {
  const alignment = metadata.get('general.alignment') ?? 32
  check(
    typeof alignment === 'number' && alignment >= 8 && alignment <= 1 << 20 && Number.isInteger(Math.log2(alignment)),
    'gguf/alignment',
    () => `general.alignment is ${String(alignment)}, not a power of two from 8 to 1048576: the header is damaged`,
  )
  return alignment
}

/** Four bytes as people can read them: `"PK.."`. */
function spell(word: number): string {
  const bytes = [word, word >>> 8, word >>> 16, word >>> 24].map((byte) => byte & 0xff)
  return JSON.stringify(String.fromCharCode(...bytes.map((byte) => (byte >= 0x20 && byte < 0x7f ? byte : 0x2e))))
}
