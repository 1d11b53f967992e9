import { isPacked, type PackedTensor, type StoredTensor } from '@g3/backend'
import { quantised } from './quantised.js'
import { recoded } from './recoded.js'

/**
 * A tensor as a backend loads it: as it is when backends hold its type, else repacked to 8 bits from its exact values.
 * That moves each by at most half a level: 1/254 of the largest in its block of 32.
 */
export const loadable = (tensor: StoredTensor): PackedTensor => (isPacked(tensor) ? tensor : quantised(tensor, 'Q8_0'))

/** The exact values of a tensor, as F32. Takes the most memory; for comparisons. */
export const exact = (tensor: StoredTensor): PackedTensor =>
  recoded(tensor, 'F32', (values, packed) =>
    packed.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)),
  )
