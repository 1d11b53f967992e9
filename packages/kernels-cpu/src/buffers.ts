import { type Buffer, check } from '@g3/backend'
import { roundUp } from './layout.js'
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

/** Bytes from row to row. */
export const strideOf = (cols: number): number => roundUp(cols, 8) * 4

export const makeBuffer = (memories: Memories, label: string, rows: number, cols: number): CpuBuffer => {
  check(
    Number.isInteger(rows) && Number.isInteger(cols) && rows > 0 && cols > 0,
    'backend/shape',
    `buffer ${label}: ${rows} x ${cols} is no shape`,
  )
  const strideBytes = strideOf(cols)
  memories.checkSize(rows * strideBytes)
  memories.keepFree(rows * strideBytes)
  const addressIn = memories.each((memory) => memory.allocate(rows * strideBytes))
  return { label, rows, cols, strideBytes, home: undefined, addressIn }
}
