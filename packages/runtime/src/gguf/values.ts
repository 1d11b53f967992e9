import { check, G3Error } from '@g3/backend'
import type { PackedStrings } from '@g3/tokenizer'
import type { HeaderCursor } from './cursor.js'

/** An array of numbers as the file types it. Arrays of booleans are `Uint8Array`s of 0 and 1. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array

/** A metadata value. 64-bit integers are numbers up to 2^53 and bigints beyond. */
export type GgufValue = number | bigint | boolean | string | GgufNumbers | PackedStrings | readonly GgufValue[]

export const isPackedStrings = (value: GgufValue | undefined): value is PackedStrings =>
  typeof value === 'object' && 'starts' in value

/** Value types by their number in files, with the bytes of the fixed-size ones. Source: the GGUF specification. */
export const VALUE_TYPES = [
  { name: 'u8', bytes: 1, get: (view, at) => view.getUint8(at), array: (bytes) => new Uint8Array(bytes) },
  { name: 'i8', bytes: 1, get: (view, at) => view.getInt8(at), array: (bytes) => new Int8Array(bytes) },
  { name: 'u16', bytes: 2, get: (view, at) => view.getUint16(at, true), array: (bytes) => new Uint16Array(bytes) },
  { name: 'i16', bytes: 2, get: (view, at) => view.getInt16(at, true), array: (bytes) => new Int16Array(bytes) },
  { name: 'u32', bytes: 4, get: (view, at) => view.getUint32(at, true), array: (bytes) => new Uint32Array(bytes) },
  { name: 'i32', bytes: 4, get: (view, at) => view.getInt32(at, true), array: (bytes) => new Int32Array(bytes) },
  { name: 'f32', bytes: 4, get: (view, at) => view.getFloat32(at, true), array: (bytes) => new Float32Array(bytes) },
  {
    name: 'bool',
    bytes: 1,
    get: (view, at) => bool(view.getUint8(at)),
    array: (bytes) => bools(new Uint8Array(bytes)),
  },
  { name: 'string' },
  { name: 'array' },
  {
    name: 'u64',
    bytes: 8,
    get: (view, at) => whole(view.getBigUint64(at, true)),
    array: (bytes) => new BigUint64Array(bytes),
  },
  {
    name: 'i64',
    bytes: 8,
    get: (view, at) => whole(view.getBigInt64(at, true)),
    array: (bytes) => new BigInt64Array(bytes),
  },
  { name: 'f64', bytes: 8, get: (view, at) => view.getFloat64(at, true), array: (bytes) => new Float64Array(bytes) },
] as const satisfies readonly ValueType[]

interface FixedType {
  readonly name: string
  readonly bytes: 1 | 2 | 4 | 8
  readonly get: (view: DataView, at: number) => number | bigint | boolean
  /** Views a copy of the file's bytes; both are little-endian, as is every host that runs WebAssembly. */
  readonly array: (bytes: ArrayBuffer) => GgufNumbers
}
type ValueType = FixedType | { readonly name: 'string' | 'array' }

/** Arrays inside arrays: how deep, and how many in one file. Nothing known to us nests at all. */
const DEPTH_LIMIT = 4
const NESTED_LIMIT = 65_536

/** Reads metadata values of one header, whose nested arrays share one budget. */
export function valueReader(cursor: HeaderCursor): (key: string) => Promise<GgufValue> {
  let nestedLeft = NESTED_LIMIT

  async function value(type: ValueType, key: string, depth: number): Promise<GgufValue> {
    if ('bytes' in type) {
      await cursor.fill(type.bytes)
      return cursor.take(type.bytes, type.get)
    }
    if (type.name === 'string') return cursor.text(`the value of ${key}`)
    return array(key, depth)
  }

  async function array(key: string, depth: number): Promise<GgufValue> {
    check(
      depth < DEPTH_LIMIT,
      'gguf/nesting',
      () => `${key} nests arrays more than ${DEPTH_LIMIT} deep: the header is damaged`,
    )
    const type = valueType(await cursor.u32(), key)
    const count = await cursor.count(`the length of ${key}`)
    const least = 'bytes' in type ? type.bytes : type.name === 'string' ? 8 : 12
    check(
      count <= cursor.left / least,
      'gguf/truncated',
      () =>
        `${key} announces ${count} elements, more than the rest of the file holds: the file is damaged or incomplete`,
    )
    if ('bytes' in type) return numbers(cursor, type, count)
    if (type.name === 'string') return strings(cursor, count, key)
    check(
      count <= nestedLeft,
      'gguf/nesting',
      () => `more than ${NESTED_LIMIT} nested arrays up to ${key}: the header is damaged`,
    )
    nestedLeft -= count
    const items: GgufValue[] = []
    for (let i = 0; i < count; i++) items.push(await array(key, depth + 1))
    return items
  }

  return async (key) => value(valueType(await cursor.u32(), key), key, 0)
}

function valueType(id: number, key: string): ValueType {
  const type: ValueType | undefined = VALUE_TYPES[id]
  if (!type)
    throw new G3Error(
      'gguf/value-type',
      `${key} has value type ${id}, which GGUF does not define: the header is damaged`,
    )
  return type
}

async function numbers(cursor: HeaderCursor, type: FixedType, count: number): Promise<GgufNumbers> {
  const length = count * type.bytes
  await cursor.fill(length)
  const from = cursor.at
  cursor.skip(length)
  return type.array(cursor.slice(from, cursor.at).buffer)
}

/** The bytes are copied whole, length prefixes included: one copy for 262,144 strings. */
async function strings(cursor: HeaderCursor, count: number, key: string): Promise<PackedStrings> {
  await cursor.fill(count * 8)
  const starts = new Uint32Array(count)
  const lengths = new Uint32Array(count)
  const what = `a string length in ${key}`
  const from = cursor.at
  for (let i = 0; i < count; i++) {
    if (!cursor.has(8)) await cursor.fill(8)
    const length = cursor.takeCount(what)
    if (!cursor.has(length)) await cursor.fill(length)
    starts[i] = cursor.at - from
    lengths[i] = length
    cursor.skip(length)
  }
  return { bytes: cursor.slice(from, cursor.at), starts, lengths }
}

const whole = (value: bigint): number | bigint =>
  value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value

function bool(byte: number): boolean {
  check(byte <= 1, 'gguf/bad-bool', () => `a boolean in the header is ${byte}, not 0 or 1: the header is damaged`)
  return byte === 1
}

function bools(bytes: Uint8Array): Uint8Array {
  bytes.forEach(bool)
  return bytes
}
