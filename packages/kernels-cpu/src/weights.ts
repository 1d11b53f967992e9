import { check, type PackedTensor, type QuantType, rowBytes, type Weight } from '@g3/backend'
import { columnStep, GROUP, groupBytes, roundUp, STORED } from './layout.js'
import type { Memories } from './memories.js'
import type { Memory } from './memory.js'
import { JOB, type Pool } from './pool.js'

/** Parts of the file in memory at once: some are read while the threads repack another. */
const STAGES = 4
const STAGE_BYTES = 2 * 2 ** 20
/** What weights pass through in a memory. */
export const STAGING_BYTES = STAGES * STAGE_BYTES

/** A matrix lies in one memory; `address` is its descriptor's. */
export interface CpuMatrix extends Weight {
  readonly kind: 'matrix'
  readonly type: QuantType
  readonly memory: number
  readonly address: number
  /** Gives its memory back, once no job uses it. */
  free(): void
}

/** A vector has a copy of its f32 values in each memory whose ops use it. */
export interface CpuVector extends Weight {
  readonly kind: 'vector'
  /** @throws G3Error `backend/out-of-memory` */
  addressIn(memory: number): number
}

export type CpuWeight = CpuMatrix | CpuVector

const DESCRIPTOR_BYTES = 32

/** A piece of a memory that holds bytes of a file until they are repacked. */
interface Stage {
  readonly address: number
  /** The job that repacks what was read into it last. */
  repacked: Promise<number>
}

/** Bytes of a matrix as it is stored. */
export const matrixBytes = (type: QuantType, rows: number, cols: number): number => Math.ceil(rows / GROUP) * groupBytes(type, cols)

/** Loads tensors, any number at once. */
export const weightLoader = (memories: Memories, pool: Pool): ((tensor: PackedTensor, signal?: AbortSignal) => Promise<CpuWeight>) => {
  const stagesIn = memories.each((memory) => {
    const stages = Array.from(
      { length: STAGES },
      (): Stage => ({ address: memory.allocate(STAGE_BYTES), repacked: Promise.resolve(0) }),
    )
    let turn = 0
    return { next: (): Stage => stages[turn++ % STAGES] }
  })

  const vector = async (tensor: PackedTensor, signal?: AbortSignal): Promise<CpuVector> => {
    const { name, type, cols } = tensor
    check(type === 'F32', 'backend/shape', `${name}: a vector must be F32, this one is ${type}`)
    const values = new Float32Array(cols)
    signal?.throwIfAborted()
    await tensor.read(0, new Uint8Array(values.buffer), signal)
    const addressIn = memories.each((memory) => {
      const address = memory.allocate(roundUp(cols * 4, 32))
      memory.f32(address, cols).set(values)
      return address
    })
    return { kind: 'vector', name, rows: 1, cols, addressIn }
  }

  const matrix = async (tensor: PackedTensor, signal?: AbortSignal): Promise<CpuMatrix> => {
    const { name, type, rows, cols } = tensor
    const step = columnStep(type)
    check(cols % step === 0, 'backend/shape', `${name}: ${cols} columns of ${type}, not a multiple of ${step}`)
    const bytes = groupBytes(type, cols)
    const stride = rowBytes(type, cols)
    const batch = Math.floor(STAGE_BYTES / stride / GROUP) * GROUP
    check(batch > 0, 'backend/shape', `${name}: 8 rows of ${stride} bytes exceed the staging buffer`)
    const size = matrixBytes(type, rows, cols)
    const number = memories.forMatrix(size, cols)
    const memory = memories.at(number)
    const address = memory.allocate(DESCRIPTOR_BYTES)
    const data = memory.allocate(size)
    memory.i32(address, 5).set([STORED[type].code, rows, cols, data, bytes])

    let failed = false
    /** Reads rows from `row` on and has them repacked, once `stage` is free. Returns the job. */
    const pass = async (stage: Stage, row: number, before: Promise<number>): Promise<number> => {
      await pool.done(await before)
      if (failed) return 0
      signal?.throwIfAborted()
      const count = Math.min(batch, rows - row)
      await readInto(memory, stage.address, count * stride, (into) => tensor.read(row * stride, into, signal))
      while (pool.room === 0) await pool.idle()
      return pool.post(JOB.repack, number, stage.address, stride, count, data + (row / GROUP) * bytes, address)
    }
    const passes: Promise<number>[] = []
    for (let row = 0; row < rows; row += batch) {
      const stage = stagesIn(number).next()
      const repacked = pass(stage, row, stage.repacked)
      stage.repacked = repacked.catch(() => {
        failed = true
        return 0
      })
      passes.push(repacked)
    }
    const results = await Promise.allSettled(passes)
    for (const result of results) if (result.status === 'rejected') throw result.reason
    const free = (): void => {
      memories.withoutMatrix(number, size)
      memory.free(address, DESCRIPTOR_BYTES)
      memory.free(data, size)
    }
    return { kind: 'matrix', type, name, rows, cols, memory: number, address, free }
  }

  return async (tensor, signal) => {
    const { name, rows, cols } = tensor
    const sized = [rows, cols].every((n) => Number.isInteger(n) && n > 0)
    check(sized, 'backend/shape', `${name}: ${rows} x ${cols} is no shape`)
    return rows === 1 ? vector(tensor, signal) : matrix(tensor, signal)
  }
}

/** A memory that is not shared loses its buffer when it grows, which it may while `read` waits: it gets a copy. */
const readInto = async (
  memory: Memory,
  address: number,
  length: number,
  read: (into: Uint8Array) => Promise<void>,
): Promise<void> => {
  if (memory.shared) return read(memory.u8(address, length))
  const bytes = new Uint8Array(length)
  await read(bytes)
  memory.u8(address, length).set(bytes)
}
