import { check } from '@g3/backend'
import type { ByteSource } from '../gguf/byte-source.js'
import { DTYPE_BITS } from './dtypes.js'
import { isObject, parseJson, type JsonObject } from './json.js'

/** A tensor in a safetensors file, as the file describes it. */
export interface CheckpointTensor {
  readonly name: string
  /** As the file spells it. */
  readonly dtype: string
  /** Extents, the slowest first: a matrix is [rows, columns]. */
  readonly shape: readonly number[]
  /** First byte, in the file. */
  readonly offset: number
  readonly byteLength: number
  readonly source: ByteSource
}

/** One safetensors file whose header was read and checked. Tensor data stays where it is until somebody reads it. */
export interface Safetensors {
  readonly source: ByteSource
  readonly metadata: ReadonlyMap<string, string>
  readonly tensors: ReadonlyMap<string, CheckpointTensor>
}

/** Gemma 3 27B has 1,247 tensors and 160 kB of header. */
const HEADER_LIMIT = 8 << 20
const TENSOR_LIMIT = 65_536
const DIMENSIONS = 8
/** The header, a tensor in it, and that one's shape. */
const DEPTH = 3
const LENGTH_BYTES = 8

/**
 * Reads and checks a header: sizes, names, shapes against bytes, and that the tensors fill the file without a gap and
 * without sharing a byte (which also unmasks a name that is there twice, since JSON keeps the last one only).
 * Source: https://github.com/huggingface/safetensors, the format section of its README.
 * @throws G3Error with a code `safetensors/…`; never allocates more than a small multiple of the header's limit of 8 MiB
 */
export async function readSafetensors(
  source: ByteSource,
  options: { signal?: AbortSignal | undefined } = {},
): Promise<Safetensors> {
  const { size, name } = source
  check(
    size >= LENGTH_BYTES,
    'safetensors/truncated',
    () => `${name} has ${size} bytes, too few for a safetensors file: fetch it again`,
  )
  const length = await readLength(source, options.signal)
  const header = new Uint8Array(length)
  await source.read(LENGTH_BYTES, header, options.signal)
  check(
    header[0] === 0x7b,
    'safetensors/bad-header',
    () => `${name} is no safetensors file: its header does not start with "{"`,
  )

  const metadata = new Map<string, string>()
  const tensors = new Map<string, CheckpointTensor>()
  const entries = Object.entries(parseJson(header, `the header of ${name}`, DEPTH))
  check(
    entries.length <= TENSOR_LIMIT,
    'safetensors/too-large',
    () => `${name} describes ${entries.length} tensors, more than ${TENSOR_LIMIT}: it is damaged`,
  )
  for (const [key, value] of entries) {
    const fields = describe(name, key, value)
    if (key !== '__metadata__') tensors.set(key, readTensor(source, key, fields, LENGTH_BYTES + length))
    else for (const [word, text] of Object.entries(fields)) metadata.set(word, readText(name, word, text))
  }
  checkFilled(source, [...tensors.values()], LENGTH_BYTES + length)
  return { source, metadata, tensors }
}

async function readLength(source: ByteSource, signal: AbortSignal | undefined): Promise<number> {
  const bytes = new Uint8Array(LENGTH_BYTES)
  await source.read(0, bytes, signal)
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true))
  check(
    length >= 2 && length <= HEADER_LIMIT,
    'safetensors/bad-header',
    () =>
      `${source.name} announces a header of ${length} bytes (2 to ${HEADER_LIMIT} are allowed): it is no safetensors file, or damaged`,
  )
  check(
    length <= source.size - LENGTH_BYTES,
    'safetensors/truncated',
    () => `${source.name} ends at byte ${source.size}, inside its header: fetch it again`,
  )
  return length
}

function describe(file: string, key: string, value: unknown): JsonObject {
  check(
    key.length <= 1024 && isObject(value),
    'safetensors/bad-header',
    () => `the header of ${file} has no description for ${key.slice(0, 80)}: it is damaged`,
  )
  return value
}

function readText(file: string, key: string, value: unknown): string {
  check(
    typeof value === 'string',
    'safetensors/bad-header',
    () => `the header of ${file} has metadata ${key.slice(0, 80)} that is no text: it is damaged`,
  )
  return value
}

function readTensor(source: ByteSource, name: string, fields: JsonObject, dataStart: number): CheckpointTensor {
  const { dtype, shape, data_offsets: offsets } = fields
  const fail = (condition: boolean, what: () => string): void =>
    check(condition, 'safetensors/bad-tensor', () => `${source.name}: tensor ${name} ${what()}: the header is damaged`)

  check(
    typeof dtype === 'string' && isCounts(shape) && isCounts(offsets),
    'safetensors/bad-tensor',
    () => `${source.name}: tensor ${name} lacks a dtype, a shape or data_offsets: the header is damaged`,
  )
  const [begin = 0, end = 0] = offsets
  const elements = shape.reduce((total, extent) => total * extent, 1)
  const bits = DTYPE_BITS[dtype]
  fail(
    shape.length <= DIMENSIONS && Number.isSafeInteger(elements * 64),
    () => `has shape ${shape.slice(0, 9).join(' x ')}`,
  )
  fail(offsets.length === 2 && begin <= end, () => `has the offsets ${offsets.slice(0, 3).join(', ')}`)
  fail(
    bits === undefined || elements * bits === (end - begin) * 8,
    () => `has ${end - begin} bytes for ${shape.join(' x ')} elements of ${dtype}`,
  )
  check(
    end <= source.size - dataStart,
    'safetensors/truncated',
    () =>
      `tensor ${name} ends at byte ${dataStart + end}, but ${source.name} has ${source.size}: it is incomplete, fetch it again`,
  )
  return { name, dtype, shape, offset: dataStart + begin, byteLength: end - begin, source }
}

const isCounts = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.every((extent) => Number.isSafeInteger(extent) && extent >= 0)

function checkFilled(source: ByteSource, tensors: CheckpointTensor[], dataStart: number): void {
  tensors.sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength)
  let at = dataStart
  for (const { name, offset, byteLength } of tensors) {
    check(
      offset >= at,
      'safetensors/overlap',
      () => `${source.name}: tensor ${name} shares bytes with another: the header is damaged`,
    )
    check(
      offset === at,
      'safetensors/gap',
      () => `${source.name} has bytes before tensor ${name} that belong to none: it is damaged`,
    )
    at = offset + byteLength
  }
  check(
    at === source.size,
    'safetensors/gap',
    () => `${source.name} has ${source.size - at} bytes that belong to no tensor: it is damaged, fetch it again`,
  )
}
