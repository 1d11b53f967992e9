import { rowBytes, type PackedTensor } from '@g3/backend'

/**
 * The same tensor among zeros: more rows after its own, and more columns in each. All types have bytes of 0 for zeros.
 * @param rows at least its own
 * @param cols at least its own, whole blocks of its type
 */
export function padded(tensor: PackedTensor, rows: number, cols: number): PackedTensor {
  const { name, type } = tensor
  if (rows === tensor.rows && cols === tensor.cols) return tensor
  const own = rowBytes(type, tensor.cols)
  const stride = rowBytes(type, cols)
  return {
    name,
    type,
    rows,
    cols,
    async read(offset, into, signal) {
      into.fill(0)
      const end = offset + into.byteLength
      const first = Math.floor(offset / stride)
      const last = Math.min(tensor.rows, Math.ceil(end / stride))
      if (first >= last) return
      const held = new Uint8Array((last - first) * own)
      await tensor.read(first * own, held, signal)
      for (let row = first; row < last; row++) {
        const from = Math.max(row * stride, offset)
        const to = Math.min(row * stride + own, end)
        const at = (row - first) * own - row * stride
        if (from < to) into.set(held.subarray(at + from, at + to), from - offset)
      }
    },
  }
}
