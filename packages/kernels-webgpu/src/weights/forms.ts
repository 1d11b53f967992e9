import type { QuantType } from '@g3/backend'

/** Columns that a lane takes at a time, and of one part of a block. */
export const CHUNK = 32

/**
 * How a quantised type's blocks are read and stored. A weight is scale · (level − zero) − min, with `bits` to a level.
 * Everything else, repacking and the shaders' unpacking alike, is written once over these.
 */
export interface QuantForm {
  readonly kind: 'quantised'
  readonly bits: 2 | 3 | 4 | 5 | 6 | 8
  /** The level that stands for 0. */
  readonly zero: number
  /** Levels choose from {@link UNEVEN} instead of counting. */
  readonly uneven: boolean
  /** Columns of a block of the file: what shares the f16 numbers at byte `fileScale`. */
  readonly run: 32 | 256
  readonly blockBytes: number
  /** Byte of a block where the f16 scale lies. */
  readonly fileScale: number
  /** Whether an f16 follows it that weighs the min. `signed`: it is added, not subtracted. */
  readonly min: 'none' | 'subtracted' | 'added'
  /** Columns that share an integer scale, where a run has them; 32 otherwise. */
  readonly fold: 16 | 32
  /**
   * Integer scales of chunk j in a run, 16 bits: a byte for each fold, signed; with a min and folds of 32 the scale and the
   * min, with folds of 16 a nibble of each. 0 where a run has none.
   */
  scales(block: DataView, at: number, j: number): number
  /** Levels 4t … 4t + 3 of chunk j, one in each byte. Bytes of 8 bits are signed. */
  levels(block: DataView, at: number, j: number, t: number): number
}

/** Weights that are stored as the numbers they are. */
export interface FloatForm {
  readonly kind: 'float'
  readonly bytes: 2 | 4
  readonly bfloat: boolean
}

export type WeightForm = QuantForm | FloatForm

/** Levels of IQ4_NL and IQ4_XS, four a word, the first in the lowest byte. */
export const UNEVEN = [0xbfad9881, 0xf6eaddcf, 0x26190d01, 0x71594535] as const

const u32 = (block: DataView, at: number): number => block.getUint32(at, true)

/** 32 nibbles: 4t … in the low halves of bytes 4t …, 16 + 4t … in the high ones. */
const nibbles = (block: DataView, at: number, t: number): number =>
  (u32(block, at + 4 * (t & 3)) >>> (4 * (t >> 2))) & 0x0f0f0f0f

/** Bits 4t … of the u32 at `at`, each as bit 4 of a byte. */
const fifths = (block: DataView, at: number, t: number): number =>
  ((Math.imul((u32(block, at) >>> (4 * t)) & 15, 0x00204081) & 0x01010101) << 4) >>> 0

/** Bit j of bytes 4t …, each as bit `to` of a byte. */
const bitsOf = (block: DataView, at: number, j: number, t: number, to: number): number =>
  ((u32(block, at + 4 * t) >>> j) & 0x01010101) << to

/** Two bits of 256 elements: bits 2 (j & 3) … of bytes 32 (j >> 2) + 4t …. */
const pairs = (block: DataView, at: number, j: number, t: number): number =>
  (u32(block, at + 32 * (j >> 2) + 4 * t) >>> (2 * (j & 3))) & 0x03030303

/** Four bits of 256 elements: nibbles of bytes 32 (j >> 1) + 4t …, low ones for even j. */
const nibblesOf256 = (block: DataView, at: number, j: number, t: number): number =>
  (u32(block, at + 32 * (j >> 1) + 4 * t) >>> (4 * (j & 1))) & 0x0f0f0f0f

/** The 6-bit scale and min of part j (ggml's `get_scale_min_k4`), the min in the second byte. */
function scaleAndMin(block: DataView, at: number, j: number): number {
  const own = block.getUint8(at + j)
  const fourth = block.getUint8(at + j + 4)
  if (j < 4) return (own & 63) | ((fourth & 63) << 8)
  const scale = (fourth & 15) | ((block.getUint8(at + j - 4) >> 6) << 4)
  return scale | (((fourth >> 4) | ((own >> 6) << 4)) << 8)
}

/** Two signed bytes in 16 bits. */
const bytePair = (low: number, high: number): number => (low & 255) | ((high & 255) << 8)

const blockOf32 = (form: Pick<QuantForm, 'bits' | 'zero' | 'blockBytes' | 'levels'> & Partial<QuantForm>): QuantForm => ({
  kind: 'quantised',
  uneven: false,
  run: 32,
  fileScale: 0,
  min: 'none',
  fold: 32,
  scales: () => 0,
  ...form,
})

const blockOf256 = (form: Omit<QuantForm, 'kind' | 'uneven' | 'run'> & Partial<QuantForm>): QuantForm => ({
  kind: 'quantised',
  uneven: false,
  run: 256,
  ...form,
})

/** Q3_K's six bits: four of a nibble at byte 96, two of the bytes from 104 on; 32 stands for 0. */
function q3Scale(block: DataView, at: number, fold: number): number {
  const low = (block.getUint8(at + 96 + (fold & 7)) >> (4 * (fold >> 3))) & 15
  return (low | (((block.getUint8(at + 104 + (fold & 3)) >> (2 * (fold >> 2))) & 3) << 4)) - 32
}

/** Formulas and layouts: `dequant/` of @g3/backend. */
export const FORMS: Readonly<Record<QuantType, WeightForm>> = {
  F32: { kind: 'float', bytes: 4, bfloat: false },
  F16: { kind: 'float', bytes: 2, bfloat: false },
  BF16: { kind: 'float', bytes: 2, bfloat: true },
  Q4_0: blockOf32({ bits: 4, zero: 8, blockBytes: 18, levels: (block, at, _, t) => nibbles(block, at + 2, t) }),
  Q4_1: blockOf32({
    bits: 4,
    zero: 0,
    blockBytes: 20,
    min: 'added',
    levels: (block, at, _, t) => nibbles(block, at + 4, t),
  }),
  Q5_0: blockOf32({
    bits: 5,
    zero: 16,
    blockBytes: 22,
    levels: (block, at, _, t) => nibbles(block, at + 6, t) | fifths(block, at + 2, t),
  }),
  Q5_1: blockOf32({
    bits: 5,
    zero: 0,
    blockBytes: 24,
    min: 'added',
    levels: (block, at, _, t) => nibbles(block, at + 8, t) | fifths(block, at + 4, t),
  }),
  Q8_0: blockOf32({ bits: 8, zero: 0, blockBytes: 34, levels: (block, at, _, t) => u32(block, at + 2 + 4 * t) }),
  IQ4_NL: blockOf32({
    bits: 4,
    zero: 0,
    uneven: true,
    blockBytes: 18,
    levels: (block, at, _, t) => nibbles(block, at + 2, t),
  }),
  Q2_K: blockOf256({
    bits: 2,
    zero: 0,
    blockBytes: 84,
    fileScale: 80,
    min: 'subtracted',
    fold: 16,
    scales: (block, at, j) => block.getUint16(at + 2 * j, true),
    levels: (block, at, j, t) => pairs(block, at + 16, j, t),
  }),
  Q3_K: blockOf256({
    bits: 3,
    zero: 4,
    blockBytes: 110,
    fileScale: 108,
    min: 'none',
    fold: 16,
    scales: (block, at, j) => bytePair(q3Scale(block, at, 2 * j), q3Scale(block, at, 2 * j + 1)),
    levels: (block, at, j, t) => pairs(block, at + 32, j, t) | bitsOf(block, at, j, t, 2),
  }),
  Q4_K: blockOf256({
    bits: 4,
    zero: 0,
    blockBytes: 144,
    fileScale: 0,
    min: 'subtracted',
    fold: 32,
    scales: (block, at, j) => scaleAndMin(block, at + 4, j),
    levels: (block, at, j, t) => nibblesOf256(block, at + 16, j, t),
  }),
  Q5_K: blockOf256({
    bits: 5,
    zero: 0,
    blockBytes: 176,
    fileScale: 0,
    min: 'subtracted',
    fold: 32,
    scales: (block, at, j) => scaleAndMin(block, at + 4, j),
    levels: (block, at, j, t) => nibblesOf256(block, at + 48, j, t) | bitsOf(block, at + 16, j, t, 4),
  }),
  Q6_K: blockOf256({
    bits: 6,
    zero: 32,
    blockBytes: 210,
    fileScale: 208,
    min: 'none',
    fold: 16,
    scales: (block, at, j) => block.getUint16(at + 192 + 2 * j, true),
    levels: (block, at, j, t) => {
      const low = u32(block, at + 64 * (j >> 2) + 32 * (j & 1) + 4 * t) >>> (4 * ((j >> 1) & 1))
      return (low & 0x0f0f0f0f) | (pairs(block, at + 128, j, t) << 4)
    },
  }),
  IQ4_XS: blockOf256({
    bits: 4,
    zero: 0,
    uneven: true,
    blockBytes: 136,
    fileScale: 0,
    min: 'none',
    fold: 32,
    /** Six bits: four of a nibble, two of the u16 before the nibbles; 32 stands for 0. */
    scales: (block, at, j) => {
      const low = (block.getUint8(at + 4 + (j >> 1)) >> (4 * (j & 1))) & 15
      return bytePair((low | (((block.getUint16(at + 2, true) >> (2 * j)) & 3) << 4)) - 32, 0)
    },
    levels: (block, at, j, t) => nibbles(block, at + 8 + 16 * j, t),
  }),
}
