import {
  BLOCKS,
  check,
  dequantize,
  type PackedTensor,
  type QuantType,
  rowBytes,
  type Weight,
} from '@g3/backend'
import type { Memory } from '../memory.js'
import { CHUNK, FORMS } from './forms.js'
import { type Part, partsOf, ROW_STEP } from './parts.js'

/** Bytes of a file that are repacked at a time. */
const READ_BYTES = 2 * 2 ** 20
/** Bytes handed to the GPU before a tensor waits for it to take them. */
export const AHEAD_BYTES = 32 * 2 ** 20

/** Rows [first, first + rows) of a weight, in a buffer of their own. */
export interface Shard {
  readonly buffer: GPUBuffer
  readonly first: number
  readonly rows: number
  /** Where the parts after the first begin, in units of 16 bytes. */
  readonly parts: readonly [high: number, runs: number, scales: number]
}

export interface GpuWeight extends Weight {
  readonly type: QuantType
  readonly shards: readonly Shard[]
  /** Bytes of the GPU's memory that it takes. */
  readonly bytes: number
}

/** Bytes of the GPU's memory that a tensor takes, in one shard. */
export function weightBytes({ type, rows, cols }: Pick<PackedTensor, 'type' | 'rows' | 'cols'>): number {
  if (rows === 1) return 4 * roundUp(cols, CHUNK)
  return partsOf(FORMS[type], cols).reduce((sum, part) => sum + part.rowBytes, 0) * roundUp(rows, ROW_STEP)
}

/** Loads tensors: reads them part by part, repacks each and hands it over, so that little of a file is here at a time. */
export function weightLoader(memory: Memory): (tensor: PackedTensor, signal?: AbortSignal) => Promise<GpuWeight> {
  return async (tensor, signal) => {
    const { name, rows, cols, type } = tensor
    const sized = [rows, cols].every((n) => Number.isInteger(n) && n > 0)
    check(sized && Number.isSafeInteger(rows * cols), 'backend/shape', () => `${name}: ${rows} x ${cols} is no shape`)
    check(Object.hasOwn(FORMS, type), 'backend/shape', () => `${name}: weights of type ${type} are not known`)
    const isFloat = FORMS[type].kind === 'float'
    const step = rows === 1 || isFloat ? BLOCKS[type].blockWeights : Math.max(CHUNK, BLOCKS[type].blockWeights)
    check(cols % step === 0, 'backend/shape', () => `${name}: ${cols} columns of ${type}, not a multiple of ${step}`)
    signal?.throwIfAborted()
    return rows === 1 ? loadVector(memory, tensor, signal) : loadMatrix(memory, tensor, signal)
  }
}

/** One row, as a norm has, is kept in f32 whatever its type. */
async function loadVector(memory: Memory, tensor: PackedTensor, signal?: AbortSignal): Promise<GpuWeight> {
  const { name, type, cols } = tensor
  const packed = new Uint8Array(rowBytes(type, cols))
  await tensor.read(0, packed, signal)
  const values = new Float32Array(roundUp(cols, CHUNK))
  dequantize(type, packed, values.subarray(0, cols))
  const buffer = await memory.weights(name, values.byteLength)
  memory.write(buffer, 0, values)
  const shard: Shard = { buffer, first: 0, rows: 1, parts: [0, 0, 0] }
  return { name, type: 'F32', rows: 1, cols, shards: [shard], bytes: values.byteLength }
}

async function loadMatrix(memory: Memory, tensor: PackedTensor, signal?: AbortSignal): Promise<GpuWeight> {
  const { name, type, rows, cols } = tensor
  const parts = partsOf(FORMS[type], cols)
  const ownBytes = parts.reduce((sum, part) => sum + part.rowBytes, 0)
  const shardRows = Math.floor(memory.shardBytes / ownBytes / ROW_STEP) * ROW_STEP
  check(
    shardRows > 0,
    'backend/out-of-memory',
    () => `${name}: 8 rows take ${8 * ownBytes} bytes, a part of a weight has at most ${memory.shardBytes} on this GPU`,
  )
  const shards: Shard[] = []
  try {
    for (let first = 0; first < rows; first += shardRows) {
      shards.push(await loadShard(memory, tensor, parts, first, Math.min(shardRows, rows - first), signal))
    }
  } catch (error) {
    for (const { buffer } of shards) memory.free(buffer)
    throw error
  }
  return { name, type, rows, cols, shards, bytes: shards.reduce((sum, { buffer }) => sum + buffer.size, 0) }
}

async function loadShard(
  memory: Memory,
  tensor: PackedTensor,
  parts: readonly Part[],
  first: number,
  rows: number,
  signal: AbortSignal | undefined,
): Promise<Shard> {
  const { name, type, cols } = tensor
  const stride = rowBytes(type, cols)
  const places: number[] = []
  let size = 0
  for (const part of parts) {
    places.push(size)
    size += part.rowBytes * roundUp(rows, ROW_STEP)
  }
  const buffer = await memory.weights(name, size)
  try {
    const rowsAtOnce = Math.max(1, Math.floor(READ_BYTES / stride / ROW_STEP)) * ROW_STEP
    const file = new Uint8Array(Math.min(rowsAtOnce, rows) * stride)
    let ahead = 0
    for (let row = 0; row < rows; row += rowsAtOnce) {
      signal?.throwIfAborted()
      const count = Math.min(rowsAtOnce, rows - row)
      await tensor.read((first + row) * stride, file.subarray(0, count * stride), signal)
      for (const [i, part] of parts.entries()) {
        const packed = new Uint8Array(part.rowBytes * roundUp(count, ROW_STEP))
        if (packed.length === 0) continue
        part.pack(new DataView(file.buffer), count, new DataView(packed.buffer))
        memory.write(buffer, places[i] + row * part.rowBytes, packed)
        ahead += packed.length
      }
      if (ahead >= AHEAD_BYTES) {
        await memory.written()
        ahead = 0
      }
    }
    await memory.written()
  } catch (error) {
    memory.free(buffer)
    throw error
  }
  const unit = (part: number): number => (places[part] ?? 0) / 16
  return { buffer, first, rows, parts: [unit(1), unit(2), unit(3)] }
}

const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step
