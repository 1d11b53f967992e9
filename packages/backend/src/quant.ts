/**
 * Block layouts of the GGML tensor types: how many weights a block holds and how many bytes it takes.
 * Source: ggml's `ggml-common.h`; the value formulas are in `dequant.ts`.
 */
export const BLOCKS = {
  F32: { id: 0, blockWeights: 1, blockBytes: 4 },
  F16: { id: 1, blockWeights: 1, blockBytes: 2 },
  Q4_0: { id: 2, blockWeights: 32, blockBytes: 18 },
  Q5_0: { id: 6, blockWeights: 32, blockBytes: 22 },
  Q8_0: { id: 8, blockWeights: 32, blockBytes: 34 },
  Q4_K: { id: 12, blockWeights: 256, blockBytes: 144 },
  Q6_K: { id: 14, blockWeights: 256, blockBytes: 210 },
  BF16: { id: 30, blockWeights: 1, blockBytes: 2 },
} as const satisfies Record<string, { id: number; blockWeights: number; blockBytes: number }>

export type QuantType = keyof typeof BLOCKS

/** Bytes of a row of `cols` weights; `cols` must be a multiple of the type's block. */
export const rowBytes = (type: QuantType, cols: number): number =>
  (cols / BLOCKS[type].blockWeights) * BLOCKS[type].blockBytes
