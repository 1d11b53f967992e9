import { BLOCKS, type CacheType, type QuantType } from '@g3/backend'

/** Bytes of a cache line; everything is aligned to it. */
export const LINE = 64
/** Rows of a stored group, see `assembly/lib/layout.ts`. */
export const GROUP = 8
/** Columns of a block. */
export const BLOCK = 32

/**
 * A quantised type's runs of `columns`: `header` half-precision numbers a row, then for 32 columns 4 · `bits` and
 * `own` bytes a row.
 */
const quantised = (code: number, columns: number, bits: number, header: number, own: number): Stored => ({
  code,
  columns,
  bytes: GROUP * (2 * header + (columns / BLOCK) * (4 * bits + own)),
})

interface Stored {
  readonly code: number
  readonly columns: number
  readonly bytes: number
}

/**
 * Codes of `assembly/lib/layout.ts`, and the bytes of a group of 8 rows for each run of `columns`, see
 * `assembly/matrix/stored.ts`.
 */
export const STORED: Readonly<Record<QuantType, Stored>> = {
  F32: { code: 0, columns: 1, bytes: 32 },
  F16: { code: 1, columns: 1, bytes: 16 },
  BF16: { code: 2, columns: 1, bytes: 16 },
  Q4_0: quantised(3, 32, 4, 1, 0),
  Q5_0: quantised(4, 32, 5, 1, 0),
  Q8_0: quantised(5, 32, 8, 1, 0),
  Q4_K: quantised(6, 256, 4, 2, 2),
  Q6_K: quantised(7, 256, 6, 1, 2),
  Q4_1: quantised(8, 32, 4, 2, 0),
  Q5_1: quantised(9, 32, 5, 2, 0),
  Q2_K: quantised(10, 256, 2, 2, 2),
  Q3_K: quantised(11, 256, 3, 1, 2),
  Q5_K: quantised(12, 256, 5, 2, 2),
  IQ4_NL: quantised(13, 32, 4, 1, 0),
  IQ4_XS: quantised(14, 256, 4, 1, 1),
}

/** Bytes of one group of `cols` columns. */
export const groupBytes = (type: QuantType, cols: number): number => (cols / STORED[type].columns) * STORED[type].bytes

/** What `cols` must be a multiple of. */
export const columnStep = (type: QuantType): number => Math.max(4, BLOCKS[type].blockWeights)

/** How a cache holds keys and values: a code of `assembly/lib/layout.ts`, and the bytes of a vector of a head. */
export interface CacheForm {
  readonly name: string
  readonly code: number
  vectorBytes(headDim: number): number
}

export const CACHE_FORMS: Readonly<Record<CacheType, CacheForm>> = {
  f32: { name: 'floats', code: 0, vectorBytes: (headDim) => 4 * headDim },
  f16: { name: 'shorts', code: 1, vectorBytes: (headDim) => 2 * headDim + 4 },
  q8_0: { name: 'bytes', code: 2, vectorBytes: (headDim) => (headDim * 34) / 32 },
}

/** Rows of an image whose keys and values are packed together. */
export const IMAGE_PAGE = 64
/** Bytes of a head's page, see `assembly/images/pages.ts`: as f32, or as i16 with scales for keys and for dimensions of values. */
export const imagePageBytes = (form: CacheForm, headDim: number): number =>
  form === CACHE_FORMS.f32 ? 8 * IMAGE_PAGE * headDim : 4 * IMAGE_PAGE * headDim + 4 * (IMAGE_PAGE + headDim)

/** Bytes of attention's state for a tile of four (token, head) pairs. */
export const stateBytes = (headDim: number): number => 32 + 16 * headDim
/** Widest head that attention's scratch holds. */
export const MAX_HEAD_DIM = 512

/** One thread's scratch for matrices of up to `cols` columns, see `assembly/lib/config.ts`. */
export const scratchBytes = (cols: number): number => 0x13000 + cols * 512 + 256 + cols * 32 + LINE

export const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step
