import { STORED_BLOCKS, type StoredType } from '@g3/backend'

/** A tensor type that a file may use: weights and bytes of one block. */
export interface GgmlType {
  readonly name: string
  readonly blockWeights: number
  readonly blockBytes: number
}

/**
 * Types that files use and weights do not have: known so that sizes are checked and people read a name. Source: ggml.h.
 */
const OTHER_TYPES: Readonly<Record<number, GgmlType>> = {
  15: { name: 'Q8_K', blockWeights: 256, blockBytes: 292 },
  24: { name: 'I8', blockWeights: 1, blockBytes: 1 },
  25: { name: 'I16', blockWeights: 1, blockBytes: 2 },
  26: { name: 'I32', blockWeights: 1, blockBytes: 4 },
  27: { name: 'I64', blockWeights: 1, blockBytes: 8 },
  28: { name: 'F64', blockWeights: 1, blockBytes: 8 },
}

/** Names of the types whose weights can be loaded. */
export const SUPPORTED_TYPES = Object.keys(STORED_BLOCKS) as readonly StoredType[]

/** The supported type with this number in files, if there is one. */
export const supportedType = (id: number): StoredType | undefined =>
  SUPPORTED_TYPES.find((name) => STORED_BLOCKS[name].id === id)

/** What is known of a type that is not supported; undefined for numbers that ggml does not use, or not any more. */
export const otherType = (id: number): GgmlType | undefined =>
  Object.hasOwn(OTHER_TYPES, id) ? OTHER_TYPES[id] : undefined
