import { half } from './decode-block.js'

/** Types whose four bits choose one of 16 levels that are not evenly spaced. */

/** Levels of IQ4_NL and IQ4_XS: dense around zero, as weights are. */
export const UNEVEN = Int8Array.of(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)

/** Twice the levels of a 4-bit float with two bits of exponent and one of fraction (OCP Microscaling Formats, E2M1). */
const E2M1 = Int8Array.of(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12)

/** d · T[q], nibbles as in Q4_0. */
export function decodeIQ4_NL(block: DataView, at: number, out: Float32Array, to: number): void {
  decodeNibbles(UNEVEN, half(block, at), block, at + 2, 16, out, to)
}

/**
 * d · (S − 32) · T[q] for each 32 elements, which take 16 bytes from byte 8 on. S has four bits of a nibble at byte 4
 * and two of the u16 at byte 2.
 */
export function decodeIQ4_XS(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at)
  const highs = block.getUint16(at + 2, true)
  for (let sub = 0; sub < 8; sub++) {
    const low = (block.getUint8(at + 4 + (sub >> 1)) >> (4 * (sub & 1))) & 15
    const scale = d * ((low | (((highs >> (2 * sub)) & 3) << 4)) - 32)
    decodeNibbles(UNEVEN, scale, block, at + 8 + 16 * sub, 16, out, to + 32 * sub)
  }
}

/** 2^(e − 127) · E2M1[q] with e the first byte; the table is doubled, so the scale is halved. */
export function decodeMXFP4(block: DataView, at: number, out: Float32Array, to: number): void {
  decodeNibbles(E2M1, 2 ** (block.getUint8(at) - 128), block, at + 1, 16, out, to)
}

/** s · E2M1[q] for each 16 elements, which take 8 bytes from byte 4 on; s is their byte of the first four. */
export function decodeNVFP4(block: DataView, at: number, out: Float32Array, to: number): void {
  for (let sub = 0; sub < 4; sub++) {
    const scale = fromE4M3(block.getUint8(at + sub)) / 2
    decodeNibbles(E2M1, scale, block, at + 4 + 8 * sub, 8, out, to + 16 * sub)
  }
}

/** An 8-bit float without sign: four bits of exponent with bias 7, three of fraction; 0x7f (NaN) counts as 0. */
function fromE4M3(bits: number): number {
  if (bits === 0x7f) return 0
  const exponent = (bits >> 3) & 15
  const fraction = bits & 7
  return exponent === 0 ? fraction * 2 ** -9 : (8 + fraction) * 2 ** (exponent - 10)
}

/** scale · table[q]; byte j holds q of element j (low nibble) and of element j + count (high nibble). */
function decodeNibbles(
  table: Int8Array,
  scale: number,
  block: DataView,
  at: number,
  count: number,
  out: Float32Array,
  to: number,
): void {
  for (let j = 0; j < count; j++) {
    const pair = block.getUint8(at + j)
    out[to + j] = scale * table[pair & 15]
    out[to + j + count] = scale * table[pair >> 4]
  }
}
