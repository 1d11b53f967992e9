import { BLOCKS, type QuantType } from '@g3/backend'

/** Bytes of a cache line; everything is aligned to it. */
export const LINE = 64
/** Rows of a stored group, see `assembly/lib/layout.ts`. */
export const GROUP = 8
/** Columns of a block. */
export const BLOCK = 32

/** Codes of `assembly/lib/layout.ts`, and the bytes of a group of 8 rows for each run of `columns`. */
export const STORED: Record<QuantType, { readonly code: number; readonly columns: number; readonly bytes: number }> = {
  F32: { code: 0, columns: 1, bytes: 32 },
  F16: { code: 1, columns: 1, bytes: 16 },
  BF16: { code: 2, columns: 1, bytes: 16 },
  Q4_0: { code: 3, columns: 32, bytes: 144 },
  Q5_0: { code: 4, columns: 32, bytes: 176 },
  Q8_0: { code: 5, columns: 32, bytes: 272 },
  Q4_K: { code: 6, columns: 256, bytes: 1184 },
  Q6_K: { code: 7, columns: 256, bytes: 1680 },
}

/** Bytes of one group of `cols` columns. */
export const groupBytes = (type: QuantType, cols: number): number => (cols / STORED[type].columns) * STORED[type].bytes

/** What `cols` must be a multiple of. */
export const columnStep = (type: QuantType): number => Math.max(BLOCK, BLOCKS[type].blockWeights)

/** How a cache holds keys and values: codes of `assembly/lib/layout.ts`, bytes of a number and of what each vector brings. */
export const CACHE_FORMS = {
  floats: { code: 0, bytes: 4, vectorBytes: 0 },
  shorts: { code: 1, bytes: 2, vectorBytes: 4 },
} as const
export type CacheForm = keyof typeof CACHE_FORMS

/** Attention takes this many slots at a time (`CHUNK` in `assembly/lib/layout.ts`). */
export const CHUNK = 128
/** Bytes of attention's state for a tile of four (token, head) pairs. */
export const stateBytes = (headDim: number): number => 32 + 16 * headDim
/** Widest head that attention's scratch holds. */
export const MAX_HEAD_DIM = 512

/** One thread's scratch for matrices of up to `cols` columns, see `assembly/lib/config.ts`. */
export const scratchBytes = (cols: number): number => 0x13000 + cols * 512 + 256 + cols * 60 + LINE

export const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step
