import type { PackedTensor } from '../contract.js'
import type { QuantType } from '../quant.js'
import { quantise } from './quantise.js'

/** A tensor in memory, packed from `values` [rows, cols]. */
export function tensor(name: string, type: QuantType, rows: number, cols: number, values: Float32Array): PackedTensor {
  const packed = quantise(type, values)
  return {
    name,
    type,
    rows,
    cols,
    async read(offset, into) {
      into.set(packed.subarray(offset, offset + into.byteLength))
    },
  }
}
