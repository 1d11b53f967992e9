import type { PackedTensor } from './contract.js'
import { BLOCKS, type StoredType } from './quant.js'

/** A tensor in any type whose values are known; otherwise as {@link PackedTensor}. */
export interface StoredTensor extends Omit<PackedTensor, 'type'> {
  readonly type: StoredType
}

/** Whether backends hold this tensor's type, so that it loads as it is. */
export const isPacked = (tensor: StoredTensor): tensor is PackedTensor => Object.hasOwn(BLOCKS, tensor.type)
