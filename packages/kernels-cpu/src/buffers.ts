import { type Buffer, type CacheSpec, type CacheStore, check } from '@g3/backend'
import { CACHE_FORMS, CHUNK, type CacheForm, LINE, roundUp } from './layout.js'
import type { Memories } from './memories.js'

/**
 * f32 [rows][strideBytes / 4]; columns are padded to 8, so that a row group can be stored whole. There is a copy in each memory
 * whose ops use the buffer.
 */
export interface CpuBuffer extends Buffer {
  readonly strideBytes: number
  /** The memory whose copy is the true one between programs. Undefined: no program uses the buffer. */
  home: number | undefined
  /** Where the copy in a memory lies. @throws G3Error `backend/out-of-memory` */
  addressIn(memory: number): number
}

export const makeBuffer = (memories: Memories, label: string, rows: number, cols: number): CpuBuffer => {
  check(
    Number.isInteger(rows) && Number.isInteger(cols) && rows > 0 && cols > 0,
    'backend/shape',
    `buffer ${label}: ${rows} x ${cols} is no shape`,
  )
  const strideBytes = roundUp(cols, 8) * 4
  memories.checkSize(rows * strideBytes)
  memories.keepFree(rows * strideBytes)
  const addressIn = memories.each((memory) => memory.allocate(rows * strideBytes))
  return { label, rows, cols, strideBytes, home: undefined, addressIn }
}

/** Keys and values of one layer, as `assembly/cache` has them. */
export interface LayerPlace {
  readonly memory: number
  readonly keys: number
  readonly values: number
}

export interface CpuCache extends CacheStore {
  /** Slots in memory, whole chunks. */
  readonly storedSlots: number
  readonly form: CacheForm
  /**
   * Where a layer lies: in memory `preferred` if it has room when this is first asked.
   * @throws G3Error `backend/out-of-memory`
   */
  place(layer: number, preferred: number): LayerPlace
}

export const makeCache = (memories: Memories, spec: CacheSpec, index: number, form: CacheForm): CpuCache => {
  const { label, layers, slots, kvHeads, headDim } = spec
  check(
    [layers, slots, kvHeads, headDim].every((n) => Number.isInteger(n) && n > 0) && headDim % 8 === 0,
    'backend/shape',
    `cache ${label}: needs layers, slots, kv heads and a head size in multiples of 8`,
  )
  const storedSlots = roundUp(slots, CHUNK)
  const { bytes: numberBytes, vectorBytes } = CACHE_FORMS[form]
  const bytes = roundUp(storedSlots * kvHeads * (headDim * numberBytes + vectorBytes), LINE)
  memories.checkSize(2 * bytes)
  const places: LayerPlace[] = []
  const allocate = (preferred: number): LayerPlace => {
    const memory = memories.forCache(preferred, 2 * bytes)
    const keys = memories.at(memory).allocate(2 * bytes)
    return { memory, keys, values: keys + bytes }
  }
  return { spec, index, storedSlots, form, place: (layer, preferred) => (places[layer] ??= allocate(preferred)) }
}
