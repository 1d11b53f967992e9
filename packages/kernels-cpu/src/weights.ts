import { check, type PackedTensor, rowBytes, type Weight } from '@g3/backend'
import { columnStep, GROUP, groupBytes, roundUp, STORED } from './layout.js'
import type { Memory } from './memory.js'
import { JOB, type Pool } from './pool.js'

/** Bytes of the file in memory at once, in two halves: one is read while the threads repack the other. */
const STAGE_BYTES = 8 * 2 ** 20

/** A weight in WASM memory. */
export interface CpuWeight extends Weight {
  /** Of a matrix: its descriptor. Of a vector: its f32 values. */
  readonly address: number
  readonly vector: boolean
}

export interface Loader {
  load(tensor: PackedTensor, signal?: AbortSignal): Promise<CpuWeight>
}

/** Loads one tensor at a time; concurrent calls queue up. */
export const weightLoader = (memory: Memory, pool: Pool): Loader => {
  let stage: { readonly address: number; busy: number }[] | undefined
  let turn: Promise<unknown> = Promise.resolve()

  const vector = async (tensor: PackedTensor, signal?: AbortSignal): Promise<CpuWeight> => {
    check(tensor.type === 'F32', 'backend/shape', `${tensor.name}: a vector must be F32, this one is ${tensor.type}`)
    signal?.throwIfAborted()
    const address = memory.allocate(roundUp(tensor.cols * 4, 32))
    await tensor.read(0, memory.u8(address, tensor.cols * 4), signal)
    return { name: tensor.name, rows: 1, cols: tensor.cols, address, vector: true }
  }

  const matrix = async (tensor: PackedTensor, signal?: AbortSignal): Promise<CpuWeight> => {
    const { name, type, rows, cols } = tensor
    const step = columnStep(type)
    check(cols % step === 0, 'backend/shape', `${name}: ${cols} columns of ${type}, not a multiple of ${step}`)
    const bytes = groupBytes(type, cols)
    const stride = rowBytes(type, cols)
    const address = memory.allocate(32)
    const data = memory.allocate(Math.ceil(rows / GROUP) * bytes)
    memory.i32(address, 5).set([STORED[type].code, rows, cols, data, bytes])
    const batch = Math.max(GROUP, Math.floor(STAGE_BYTES / 2 / stride / GROUP) * GROUP)
    stage ??= [0, 1].map(() => ({ address: memory.allocate(STAGE_BYTES / 2), busy: 0 }))
    check(batch * stride <= STAGE_BYTES / 2, 'backend/shape', `${name}: 8 rows of ${stride} bytes exceed the staging buffer`)
    let half = 0
    for (let row = 0; row < rows; row += batch, half ^= 1) {
      const place = stage[half]
      if (!place) break
      await pool.done(place.busy)
      signal?.throwIfAborted()
      const count = Math.min(batch, rows - row)
      await tensor.read(row * stride, memory.u8(place.address, count * stride), signal)
      if (pool.room === 0) await pool.idle()
      place.busy = pool.post(JOB.repack, place.address, stride, count, data + (row / GROUP) * bytes, address)
    }
    return { name, rows, cols, address, vector: false }
  }

  return {
    async load(tensor, signal) {
      const { name, rows, cols } = tensor
      const sized = [rows, cols].every((n) => Number.isInteger(n) && n > 0)
      check(sized, 'backend/shape', `${name}: ${rows} x ${cols} is no shape`)
      const next = turn.then(() => (tensor.rows === 1 ? vector(tensor, signal) : matrix(tensor, signal)))
      turn = next.catch(() => {})
      return next
    },
  }
}
