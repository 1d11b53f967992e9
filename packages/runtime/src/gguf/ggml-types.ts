import { BLOCKS, type QuantType } from '@g3/backend'

/** A tensor type that a file may use: weights and bytes of one block. */
export interface GgmlType {
  readonly name: string
  readonly blockWeights: number
  readonly blockBytes: number
}

/**
 * Types that files use and no backend computes with: known so that sizes are checked and people read a name. Source:
 * ggml.h.
 */
const OTHER_TYPES: Readonly<Record<number, GgmlType>> = {
  3: { name: 'Q4_1', blockWeights: 32, blockBytes: 20 },
  7: { name: 'Q5_1', blockWeights: 32, blockBytes: 24 },
  10: { name: 'Q2_K', blockWeights: 256, blockBytes: 84 },
  11: { name: 'Q3_K', blockWeights: 256, blockBytes: 110 },
  13: { name: 'Q5_K', blockWeights: 256, blockBytes: 176 },
  15: { name: 'Q8_K', blockWeights: 256, blockBytes: 292 },
  16: { name: 'IQ2_XXS', blockWeights: 256, blockBytes: 66 },
  17: { name: 'IQ2_XS', blockWeights: 256, blockBytes: 74 },
  18: { name: 'IQ3_XXS', blockWeights: 256, blockBytes: 98 },
  19: { name: 'IQ1_S', blockWeights: 256, blockBytes: 50 },
  20: { name: 'IQ4_NL', blockWeights: 32, blockBytes: 18 },
  21: { name: 'IQ3_S', blockWeights: 256, blockBytes: 110 },
  22: { name: 'IQ2_S', blockWeights: 256, blockBytes: 82 },
  23: { name: 'IQ4_XS', blockWeights: 256, blockBytes: 136 },
  24: { name: 'I8', blockWeights: 1, blockBytes: 1 },
  25: { name: 'I16', blockWeights: 1, blockBytes: 2 },
  26: { name: 'I32', blockWeights: 1, blockBytes: 4 },
  27: { name: 'I64', blockWeights: 1, blockBytes: 8 },
  28: { name: 'F64', blockWeights: 1, blockBytes: 8 },
  29: { name: 'IQ1_M', blockWeights: 256, blockBytes: 56 },
  34: { name: 'TQ1_0', blockWeights: 256, blockBytes: 54 },
  35: { name: 'TQ2_0', blockWeights: 256, blockBytes: 66 },
  39: { name: 'MXFP4', blockWeights: 32, blockBytes: 17 },
}

/** Names of the types that backends compute with. */
export const SUPPORTED_TYPES = Object.keys(BLOCKS) as readonly QuantType[]

/** The supported type with this number in files, if there is one. */
export const supportedType = (id: number): QuantType | undefined =>
  SUPPORTED_TYPES.find((name) => BLOCKS[name].id === id)

/** What is known of a type that is not supported; undefined for numbers that ggml does not use, or not any more. */
export const otherType = (id: number): GgmlType | undefined =>
  Object.hasOwn(OTHER_TYPES, id) ? OTHER_TYPES[id] : undefined
