import type { PackedTensor } from '@g3/backend'

/**
 * A matrix [size + 1, heads · size] of ones and zeros: row n has a one at n of each head, the last row none. Embedded by
 * positions, its rows are values of keys that name where they stand.
 */
export function oneHotRows(size: number, heads: number): PackedTensor {
  const cols = heads * size
  const values = new Float32Array((size + 1) * cols)
  for (let row = 0; row < size; row++)
    for (let head = 0; head < heads; head++) values[row * cols + head * size + row] = 1
  const bytes = new Uint8Array(values.buffer)
  return {
    name: 'inspect.one_hot',
    type: 'F32',
    rows: size + 1,
    cols,
    async read(offset, into) {
      into.set(bytes.subarray(offset, offset + into.byteLength))
    },
  }
}
