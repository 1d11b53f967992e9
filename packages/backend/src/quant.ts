/** A block: the smallest run of weights that a type packs, and the bytes it takes. */
export interface Block {
  /** The type's number in files. */
  readonly id: number
  readonly blockWeights: number
  readonly blockBytes: number
}

/**
 * Block layouts of the GGML tensor types that backends hold as they are. Source: ggml's `ggml-common.h`; the value
 * formulas are in `dequant/`.
 */
export const BLOCKS = {
  F32: { id: 0, blockWeights: 1, blockBytes: 4 },
  F16: { id: 1, blockWeights: 1, blockBytes: 2 },
  Q4_0: { id: 2, blockWeights: 32, blockBytes: 18 },
  Q4_1: { id: 3, blockWeights: 32, blockBytes: 20 },
  Q5_0: { id: 6, blockWeights: 32, blockBytes: 22 },
  Q5_1: { id: 7, blockWeights: 32, blockBytes: 24 },
  Q8_0: { id: 8, blockWeights: 32, blockBytes: 34 },
  Q2_K: { id: 10, blockWeights: 256, blockBytes: 84 },
  Q3_K: { id: 11, blockWeights: 256, blockBytes: 110 },
  Q4_K: { id: 12, blockWeights: 256, blockBytes: 144 },
  Q5_K: { id: 13, blockWeights: 256, blockBytes: 176 },
  Q6_K: { id: 14, blockWeights: 256, blockBytes: 210 },
  IQ4_NL: { id: 20, blockWeights: 32, blockBytes: 18 },
  IQ4_XS: { id: 23, blockWeights: 256, blockBytes: 136 },
  BF16: { id: 30, blockWeights: 1, blockBytes: 2 },
} as const satisfies Record<string, Block>

/**
 * Types that files use and no backend has to hold: who loads them turns them into one of {@link BLOCKS} first.
 * A type moves from here to there when every backend has it.
 */
export const MORE_BLOCKS = {
  IQ2_XXS: { id: 16, blockWeights: 256, blockBytes: 66 },
  IQ2_XS: { id: 17, blockWeights: 256, blockBytes: 74 },
  IQ3_XXS: { id: 18, blockWeights: 256, blockBytes: 98 },
  IQ1_S: { id: 19, blockWeights: 256, blockBytes: 50 },
  IQ3_S: { id: 21, blockWeights: 256, blockBytes: 110 },
  IQ2_S: { id: 22, blockWeights: 256, blockBytes: 82 },
  IQ1_M: { id: 29, blockWeights: 256, blockBytes: 56 },
  TQ1_0: { id: 34, blockWeights: 256, blockBytes: 54 },
  TQ2_0: { id: 35, blockWeights: 256, blockBytes: 66 },
  MXFP4: { id: 39, blockWeights: 32, blockBytes: 17 },
  NVFP4: { id: 40, blockWeights: 64, blockBytes: 36 },
} as const satisfies Record<string, Block>

/** A type that backends hold. */
export type QuantType = keyof typeof BLOCKS

/** A type whose exact values are known: those that backends hold and those that are repacked for them. */
export type StoredType = QuantType | keyof typeof MORE_BLOCKS

/** Block layouts of all types whose values are known. */
export const STORED_BLOCKS: Readonly<Record<StoredType, Block>> = { ...BLOCKS, ...MORE_BLOCKS }

/** Bytes of a row of `cols` weights; `cols` must be a multiple of the type's block. */
export const rowBytes = (type: StoredType, cols: number): number =>
  (cols / STORED_BLOCKS[type].blockWeights) * STORED_BLOCKS[type].blockBytes
