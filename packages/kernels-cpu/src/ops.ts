import type { Buffer, Weight } from '@g3/backend'
import type { CpuBuffer } from './buffers.js'
import type { CpuMatrix } from './weights.js'

/** Op codes of `assembly/program.ts`. */
export const OP = {
  end: 0,
  embed: 1,
  angles: 2,
  norm: 3,
  qkv: 4,
  qkNormRope: 5,
  store: 6,
  attend: 7,
  project: 8,
  addNorm: 9,
  gatedUp: 10,
  logits: 11,
  gate: 12,
  top: 13,
  mergeTops: 14,
  rerotate: 15,
  copyPage: 16,
  draw: 17,
  patches: 18,
  layerNorm: 19,
  linear: 20,
  storeAll: 21,
  attendAll: 22,
  pool: 23,
  addProject: 24,
  // Of learning: `assembly/train/train.ts`.
  copy: 32,
  times: 33,
  timesBack: 34,
  addOuter: 35,
  projectBack: 36,
  normBack: 37,
  normRopeBack: 38,
  gateBack: 39,
  attendRows: 40,
  attendRowsBack: 41,
  attendKeysBack: 42,
  crossEntropy: 43,
} as const

/** Ops of learning: their rows meet, so all threads do one after the other. */
export const FIRST_OF_TRAINING = OP.copy

/** Notes which buffers an op touches and gives their arguments: address and bytes from row to row. */
export interface Operands {
  read(buffer: Buffer): readonly number[]
  readWindow(buffer: Buffer): readonly number[]
  write(buffer: Buffer): readonly number[]
  update(buffer: Buffer): readonly number[]
  /** A result that has fewer rows than the step. */
  writeFewer(buffer: Buffer): readonly number[]
  vector(weight: Weight): number
}

/** What ops append themselves with. */
export interface Appender {
  add(code: number, memory: number, wordsOf: (operands: Operands) => readonly number[]): void
  /** Where the values are: the memory of the op before, or of `buffer`. */
  here(buffer: Buffer): number
  matrix(weight: Weight): CpuMatrix
  /** The bits of a number as f32. */
  f32(value: number): number
  /** A buffer that programs use by turns: the same for the same label and shape. */
  sharedBuffer(label: string, rows: number, cols: number): CpuBuffer
}
