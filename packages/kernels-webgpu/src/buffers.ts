import { check, type Buffer } from '@g3/backend'
import type { Memory } from './memory.js'
import { CHUNK } from './weights/forms.js'

/** Rows begin at multiples of 16 bytes, wider ones at whole chunks: what is behind their columns stays 0. */
export interface GpuBuffer extends Buffer {
  readonly buffer: GPUBuffer
  /** Numbers from row to row. */
  readonly stride: number
}

/** Most rows of a step: workgroups in a dimension that every device takes. */
export const MOST_ROWS = 65_535

export function strideOf(cols: number): number {
  const step = cols < CHUNK ? 4 : CHUNK
  return Math.ceil(cols / step) * step
}

/** @throws G3Error `backend/shape`, `backend/out-of-memory` */
export function makeBuffer(memory: Memory, label: string, rows: number, cols: number): GpuBuffer {
  const sized = [rows, cols].every((n) => Number.isInteger(n) && n > 0)
  check(sized, 'backend/shape', () => `${label}: ${rows} x ${cols} is no size; both must be positive integers`)
  check(rows <= MOST_ROWS, 'backend/shape', () => `${label}: ${rows} rows; a step on the GPU has at most ${MOST_ROWS}`)
  const stride = strideOf(cols)
  return { label, rows, cols, stride, buffer: memory.room(label, rows * stride * 4) }
}
