import { BLOCKS, dequantizer, rowBytes, STORED_BLOCKS } from '@g3/backend'
import type { PackedTensor, QuantType, StoredTensor } from '@g3/backend'
import { checkTensorRange } from '../tensor-range.js'

/** Fills `packed` with whole blocks that hold `values`. */
export type Encode = (values: Float32Array, packed: Uint8Array) => void

/** Weights decoded at a time: 256 KiB of f32. */
const STEP = 65_536

/**
 * The same tensor in another type, made as it is read: each read decodes the weights that it needs, a bounded number
 * at a time, and encodes them anew. Rows must be whole blocks of `type`.
 */
export function recoded(tensor: StoredTensor, type: QuantType, encode: Encode): PackedTensor {
  const { name, rows, cols } = tensor
  const { blockWeights, blockBytes } = BLOCKS[type]
  const byteLength = rows * rowBytes(type, cols)
  // Block sizes divide each other, so the larger one begins blocks of both types.
  const align = Math.max(blockWeights, STORED_BLOCKS[tensor.type].blockWeights)
  const decode = dequantizer(tensor.type)
  /** The first weight of the blocks, of either type, that byte `at` lies in. */
  const weightAt = (at: number): number => Math.floor((Math.floor(at / blockBytes) * blockWeights) / align) * align

  return {
    name,
    type,
    rows,
    cols,
    async read(offset, into, signal) {
      checkTensorRange(name, byteLength, offset, into.byteLength)
      if (into.byteLength === 0) return
      const last = weightAt(offset + into.byteLength - 1) + align
      const most = Math.min(STEP, last - weightAt(offset))
      const source = new Uint8Array(rowBytes(tensor.type, most))
      const values = new Float32Array(most)
      const packed = new Uint8Array(rowBytes(type, most))
      for (let done = 0; done < into.byteLength;) {
        const at = offset + done
        const first = weightAt(at)
        const count = Math.min(most, last - first)
        const bytes = source.subarray(0, rowBytes(tensor.type, count))
        await tensor.read(rowBytes(tensor.type, first), bytes, signal)
        decode(bytes, values.subarray(0, count))
        const made = packed.subarray(0, rowBytes(type, count))
        encode(values.subarray(0, count), made)
        const part = made.subarray(at - rowBytes(type, first)).subarray(0, into.byteLength - done)
        into.set(part, done)
        done += part.byteLength
      }
    },
  }
}
