import { type Buffer, type CacheSpec, type CacheStore, check } from '@g3/backend'
import { CACHE_FORMS, CHUNK, type CacheForm, LINE, roundUp } from './layout.js'
import type { Memory } from './memory.js'

/** f32 [rows][strideBytes / 4]; columns are padded to 8, so that a row group can be stored whole. */
export interface CpuBuffer extends Buffer {
  readonly address: number
  readonly strideBytes: number
}

export const allocateBuffer = (memory: Memory, label: string, rows: number, cols: number): CpuBuffer => {
  check(
    Number.isInteger(rows) && Number.isInteger(cols) && rows > 0 && cols > 0,
    'backend/shape',
    `buffer ${label}: ${rows} x ${cols} is no shape`,
  )
  const strideBytes = roundUp(cols, 8) * 4
  return { label, rows, cols, address: memory.allocate(rows * strideBytes), strideBytes }
}

/** Keys and values as `assembly/cache` has them. */
export interface CpuCache extends CacheStore {
  /** Slots in memory, whole chunks. */
  readonly storedSlots: number
  readonly form: CacheForm
  keys(layer: number): number
  values(layer: number): number
}

export const allocateCache = (memory: Memory, spec: CacheSpec, index: number, form: CacheForm): CpuCache => {
  const { label, layers, slots, kvHeads, headDim } = spec
  check(
    [layers, slots, kvHeads, headDim].every((n) => Number.isInteger(n) && n > 0) && headDim % 8 === 0,
    'backend/shape',
    `cache ${label}: needs layers, slots, kv heads and a head size in multiples of 8`,
  )
  const storedSlots = roundUp(slots, CHUNK)
  const { bytes: numberBytes, vectorBytes } = CACHE_FORMS[form]
  const bytes = roundUp(storedSlots * kvHeads * (headDim * numberBytes + vectorBytes), LINE)
  const address = memory.allocate(2 * layers * bytes)
  const place = (layer: number): number => address + 2 * layer * bytes
  return { spec, index, storedSlots, form, keys: place, values: (layer) => place(layer) + bytes }
}
