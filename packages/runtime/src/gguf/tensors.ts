import { check, STORED_BLOCKS, type PackedTensor, type StoredTensor } from '@g3/backend'
import { checkTensorRange } from '../tensor-range.js'
import type { ByteSource } from './byte-source.js'
import type { HeaderCursor } from './cursor.js'
import { otherType, supportedType } from './ggml-types.js'

/** What a file says of one tensor. */
export interface TensorPlace {
  readonly name: string
  /** Extents, the fastest (a row's columns) first, as files give them. */
  readonly shape: readonly number[]
  /** First byte, in the file. */
  readonly offset: number
}

/** A tensor whose values are known: `cols` is the first extent, `rows` the product of the others. */
export interface GgufTensor extends StoredTensor, TensorPlace {
  readonly byteLength: number
}

/** A tensor in a type whose values are not known. */
export interface UnsupportedTensor extends TensorPlace {
  /** ggml's name, or `type 99` for numbers that are not known. */
  readonly type: string
  /** Undefined when the type is not known. */
  readonly byteLength: number | undefined
}

export interface TensorDirectory {
  readonly tensors: ReadonlyMap<string, GgufTensor>
  readonly unsupported: ReadonlyMap<string, UnsupportedTensor>
  /** First byte of the tensors' data, in the file. */
  readonly dataOffset: number
}

interface TensorInfo {
  readonly name: string
  readonly shape: readonly number[]
  readonly type: number
  readonly offset: number
}

/** Reads `count` tensor descriptions and checks each against the file: shape, type, alignment, place, overlap. */
export async function readTensors(
  cursor: HeaderCursor,
  source: ByteSource,
  count: number,
  alignment: number,
): Promise<TensorDirectory> {
  const infos: TensorInfo[] = []
  for (let i = 0; i < count; i++) infos.push(await readInfo(cursor, alignment))
  const dataOffset = Math.ceil(cursor.at / alignment) * alignment

  const tensors = new Map<string, GgufTensor>()
  const unsupported = new Map<string, UnsupportedTensor>()
  for (const info of infos) {
    check(
      !tensors.has(info.name) && !unsupported.has(info.name),
      'gguf/duplicate-tensor',
      () => `${source.name} describes tensor ${info.name} twice: the header is damaged`,
    )
    const placed = place(info, source, dataOffset)
    if ('read' in placed) tensors.set(info.name, placed)
    else unsupported.set(info.name, placed)
  }
  checkOverlap([...tensors.values(), ...unsupported.values()])
  return { tensors, unsupported, dataOffset }
}

async function readInfo(cursor: HeaderCursor, alignment: number): Promise<TensorInfo> {
  const name = await cursor.name('a tensor name')
  const dims = await cursor.u32()
  check(dims >= 1 && dims <= 4, 'gguf/bad-shape', () => `tensor ${name} has ${dims} dimensions, 1 to 4 are allowed`)
  const shape: number[] = []
  for (let i = 0; i < dims; i++) shape.push(await cursor.count(`an extent of tensor ${name}`))
  const type = await cursor.u32()
  const offset = await cursor.count(`the offset of tensor ${name}`)
  check(
    shape.every((extent) => extent > 0) && Number.isSafeInteger(product(shape)),
    'gguf/bad-shape',
    () => `tensor ${name} has shape ${shape.join(' x ')}, which is empty or past 2^53 elements`,
  )
  check(
    offset % alignment === 0,
    'gguf/alignment',
    () => `tensor ${name} starts at byte ${offset} of the data, not at a multiple of ${alignment}`,
  )
  return { name, shape, type, offset }
}

function place(info: TensorInfo, source: ByteSource, dataOffset: number): GgufTensor | UnsupportedTensor {
  const { name, shape } = info
  const offset = dataOffset + info.offset
  const [cols = 0, ...outer] = shape
  const rows = product(outer)
  const type = supportedType(info.type)
  if (type) {
    const byteLength = packedBytes(name, { name: type, ...STORED_BLOCKS[type] }, rows, cols)
    checkInside(name, offset, byteLength, source)
    return { name, shape, offset, type, rows, cols, byteLength, read: reader(name, offset, byteLength, source) }
  }
  const known = otherType(info.type)
  const byteLength = known && packedBytes(name, known, rows, cols)
  checkInside(name, offset, byteLength ?? 0, source)
  return { name, shape, offset, type: known?.name ?? `type ${info.type}`, byteLength }
}

function packedBytes(
  name: string,
  type: { readonly name: string; readonly blockWeights: number; readonly blockBytes: number },
  rows: number,
  cols: number,
): number {
  check(
    cols % type.blockWeights === 0,
    'gguf/bad-shape',
    () => `tensor ${name} has rows of ${cols} weights, ${type.name} needs a multiple of ${type.blockWeights}`,
  )
  return rows * (cols / type.blockWeights) * type.blockBytes
}

function checkInside(name: string, offset: number, byteLength: number, source: ByteSource): void {
  check(
    byteLength <= source.size - offset,
    'gguf/truncated',
    () =>
      `tensor ${name} ends at byte ${offset + byteLength}, but ${source.name} has ${source.size}: it is incomplete, fetch it again`,
  )
}

function reader(name: string, start: number, byteLength: number, source: ByteSource): PackedTensor['read'] {
  return async (offset, into, signal) => {
    checkTensorRange(name, byteLength, offset, into.byteLength)
    await source.read(start + offset, into, signal)
  }
}

function checkOverlap(places: (GgufTensor | UnsupportedTensor)[]): void {
  places.sort((a, b) => a.offset - b.offset)
  places.forEach((next, i) => {
    const previous = places[i - 1]
    if (!previous) return
    check(
      previous.offset + (previous.byteLength ?? 1) <= next.offset,
      'gguf/overlap',
      () => `tensors ${previous.name} and ${next.name} share bytes: the header is damaged`,
    )
  })
}

const product = (extents: readonly number[]): number => extents.reduce((total, extent) => total * extent, 1)
