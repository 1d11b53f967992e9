import { check } from '@g3/backend'
import { VALUE_TYPES, type GgufNumbers } from './values.js'

/**
 * A metadata value to write. Plain numbers say their type: `{ u32: 7 }`, `{ f32: 1e-6 }`.
 * Typed arrays become arrays of their own type.
 */
export type GgufField = string | boolean | GgufNumbers | readonly string[] | ScalarField
type ScalarField =
  | { readonly u8: number }
  | { readonly u16: number }
  | { readonly u32: number }
  | { readonly i32: number }
  | { readonly f32: number }
  | { readonly f64: number }
  | { readonly u64: bigint }
  | { readonly i64: bigint }

/** A tensor to describe: its number in ggml's list of types, its extents (the fastest first), its size. */
export interface TensorToPlace {
  readonly name: string
  readonly type: number
  readonly shape: readonly number[]
  readonly byteLength: number
}

/** A tensor to write, with its bytes. */
export interface TensorToWrite extends Omit<TensorToPlace, 'byteLength'> {
  readonly data: Uint8Array
}

export interface GgufToWrite<Tensor = TensorToWrite> {
  readonly metadata: Readonly<Record<string, GgufField>>
  readonly tensors: readonly Tensor[]
  /** Default 32. Any other is also written as `general.alignment`. */
  readonly alignment?: number
}

/** The first part of a file and where the tensors' bytes go after it. */
export interface GgufHeader {
  /** Padded: the data starts right after. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** First byte of each tensor, in the file. */
  readonly offsets: readonly number[]
}

/**
 * The header of a GGUF file, version 3, for writers that bring the data piece by piece. For tools and tests: it writes
 * what it is told and checks only that the values fit the format, so that a reader's checks can be tested with it.
 * @throws G3Error `gguf/write` for a number that does not fit its type
 */
export function ggufHeader(content: GgufToWrite<TensorToPlace>): GgufHeader {
  const { tensors, alignment = 32 } = content
  const metadata =
    alignment === 32 ? content.metadata : { 'general.alignment': { u32: alignment }, ...content.metadata }
  const out = byteWriter()
  out.raw(new TextEncoder().encode('GGUF'))
  out.u32(3)
  out.u64(tensors.length)
  out.u64(Object.keys(metadata).length)
  for (const [key, field] of Object.entries(metadata)) {
    out.text(key)
    writeField(out, field)
  }
  const places: number[] = []
  let place = 0
  for (const tensor of tensors) {
    out.text(tensor.name)
    out.u32(tensor.shape.length)
    for (const extent of tensor.shape) out.u64(extent)
    out.u32(tensor.type)
    out.u64(place)
    places.push(place)
    place += roundUp(tensor.byteLength, alignment)
  }
  out.pad(alignment)
  const bytes = out.bytes()
  return { bytes, offsets: places.map((at) => bytes.byteLength + at) }
}

/** A whole file in memory. @throws as {@link ggufHeader} */
export function writeGguf(content: GgufToWrite): Uint8Array<ArrayBuffer> {
  const { tensors, alignment = 32 } = content
  const sized = tensors.map((tensor) => ({ ...tensor, byteLength: tensor.data.byteLength }))
  const out = byteWriter()
  out.raw(ggufHeader({ ...content, tensors: sized }).bytes)
  for (const tensor of tensors) {
    out.pad(alignment)
    out.raw(tensor.data)
  }
  return out.bytes()
}

/** Grows as it is written to; little-endian. */
export interface ByteWriter {
  raw(bytes: Uint8Array): void
  u32(value: number): void
  u64(value: number | bigint): void
  /** Length and UTF-8. */
  text(value: string): void
  /** Zeros up to a multiple of `alignment`. */
  pad(alignment: number): void
  /** What was written so far. */
  bytes(): Uint8Array<ArrayBuffer>
}

export function byteWriter(): ByteWriter {
  const encoder = new TextEncoder()
  let buffer = new Uint8Array(1024)
  let length = 0
  /** Makes room for `count` bytes and says where they go. */
  function room(count: number): DataView {
    if (length + count > buffer.byteLength) {
      const larger = new Uint8Array(Math.max(length + count, buffer.byteLength * 2))
      larger.set(buffer)
      buffer = larger
    }
    const view = new DataView(buffer.buffer, length, count)
    length += count
    return view
  }
  const writer: ByteWriter = {
    raw(bytes) {
      room(bytes.byteLength)
      buffer.set(bytes, length - bytes.byteLength)
    },
    u32(value) {
      room(4).setUint32(0, value, true)
    },
    u64(value) {
      room(8).setBigUint64(0, BigInt(value), true)
    },
    text(value) {
      const bytes = encoder.encode(value)
      writer.u64(bytes.byteLength)
      writer.raw(bytes)
    },
    pad(alignment) {
      room(roundUp(length, alignment) - length)
    },
    bytes: () => buffer.slice(0, length),
  }
  return writer
}

type TypeName = (typeof VALUE_TYPES)[number]['name']
const typeId = (name: TypeName): number => VALUE_TYPES.findIndex((type) => type.name === name)

function writeField(out: ByteWriter, field: GgufField): void {
  if (typeof field === 'string') {
    out.u32(typeId('string'))
    out.text(field)
  } else if (typeof field === 'boolean') {
    out.u32(typeId('bool'))
    out.raw(Uint8Array.of(Number(field)))
  } else if (isStrings(field)) {
    out.u32(typeId('array'))
    out.u32(typeId('string'))
    out.u64(field.length)
    for (const text of field) out.text(text)
  } else if (ArrayBuffer.isView(field)) {
    out.u32(typeId('array'))
    out.u32(typeId(arrayType(field)))
    out.u64(field.length)
    out.raw(bytesOf(field))
  } else {
    writeScalar(out, field)
  }
}

function writeScalar(out: ByteWriter, field: ScalarField): void {
  const [name, values] = scalar(field)
  const [given] = Object.values(field)
  check(values[0] === given || name.startsWith('f'), 'gguf/write', () => `${String(given)} does not fit ${name}`)
  out.u32(typeId(name))
  out.raw(bytesOf(values))
}

function scalar(field: ScalarField): [TypeName, GgufNumbers] {
  if ('u8' in field) return ['u8', Uint8Array.of(field.u8)]
  if ('u16' in field) return ['u16', Uint16Array.of(field.u16)]
  if ('u32' in field) return ['u32', Uint32Array.of(field.u32)]
  if ('i32' in field) return ['i32', Int32Array.of(field.i32)]
  if ('f32' in field) return ['f32', Float32Array.of(field.f32)]
  if ('f64' in field) return ['f64', Float64Array.of(field.f64)]
  if ('u64' in field) return ['u64', BigUint64Array.of(field.u64)]
  return ['i64', BigInt64Array.of(field.i64)]
}

function arrayType(values: GgufNumbers): TypeName {
  if (values instanceof Uint8Array) return 'u8'
  if (values instanceof Int8Array) return 'i8'
  if (values instanceof Uint16Array) return 'u16'
  if (values instanceof Int16Array) return 'i16'
  if (values instanceof Uint32Array) return 'u32'
  if (values instanceof Int32Array) return 'i32'
  if (values instanceof Float32Array) return 'f32'
  if (values instanceof Float64Array) return 'f64'
  if (values instanceof BigUint64Array) return 'u64'
  return 'i64'
}

const isStrings = (field: GgufField): field is readonly string[] => Array.isArray(field)
const bytesOf = (values: GgufNumbers): Uint8Array => new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step
