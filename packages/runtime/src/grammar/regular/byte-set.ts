/** A set of bytes: bit b of word b >> 5. */
export type ByteSet = Int32Array

export function byteSet(...ranges: readonly (readonly [number, number])[]): ByteSet {
  const set = new Int32Array(8)
  for (const [from, to] of ranges) for (let byte = from; byte <= to; byte++) set[byte >> 5] |= 1 << (byte & 31)
  return set
}

export const hasByte = (set: ByteSet, byte: number): boolean => ((set[byte >> 5] >>> (byte & 31)) & 1) === 1

/** Bytes at which a set begins or ends: between two of them all bytes are alike. */
export function edgesOf(set: ByteSet): ByteSet {
  const edges = new Int32Array(8)
  for (let i = 0; i < 8; i++) edges[i] = set[i] ^ ((set[i] << 1) | (i > 0 ? set[i - 1] >>> 31 : 0))
  return edges
}

export const unionOf = (a: ByteSet, b: ByteSet): ByteSet => a.map((word, i) => word | b[i])
