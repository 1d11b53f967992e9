import { half } from './decode-block.js'

/**
 * d · S · q − m · M for each 16 elements, S and M the low and high nibble of their byte; q as {@link twoBits} has it.
 */
export function decodeQ2_K(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at + 80)
  const m = half(block, at + 82)
  for (let sub = 0; sub < 16; sub++) {
    const both = block.getUint8(at + sub)
    const scale = d * (both & 15)
    const min = m * (both >> 4)
    for (let i = 16 * sub; i < 16 * sub + 16; i++) out[to + i] = scale * twoBits(block, at + 16, i) - min
  }
}

/**
 * d · (S − 32) · (q − 4 + 4h) for each 16 elements; q as {@link twoBits} has it at byte 32, h is bit ⌊i / 32⌋ of byte
 * i mod 32, S has six bits: four of a nibble at byte 96 (eight low nibbles, then eight high ones), two of byte 104 on.
 */
export function decodeQ3_K(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at + 108)
  for (let sub = 0; sub < 16; sub++) {
    const low = (block.getUint8(at + 96 + (sub & 7)) >> (sub < 8 ? 0 : 4)) & 15
    const high = (block.getUint8(at + 104 + (sub & 3)) >> (2 * (sub >> 2))) & 3
    const scale = d * ((low | (high << 4)) - 32)
    for (let i = 16 * sub; i < 16 * sub + 16; i++) {
      const third = ((block.getUint8(at + (i & 31)) >> (i >> 5)) & 1) << 2
      out[to + i] = scale * (twoBits(block, at + 32, i) + third - 4)
    }
  }
}

/**
 * d · S · q − m · M for each sub-block of 32, with 6-bit S and M from the 12 bytes at byte 4.
 * Sub-blocks 2i and 2i + 1 share 32 bytes: low nibbles and high nibbles.
 */
export function decodeQ4_K(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at)
  const m = half(block, at + 2)
  for (let sub = 0; sub < 8; sub++) {
    const scale = d * scaleOf(block, at + 4, sub)
    const min = m * minOf(block, at + 4, sub)
    const bytes = at + 16 + 32 * (sub >> 1)
    const shift = 4 * (sub & 1)
    for (let j = 0; j < 32; j++) out[to + 32 * sub + j] = scale * ((block.getUint8(bytes + j) >> shift) & 15) - min
  }
}

/** As Q4_K with a fifth bit of q: bit `sub` of byte 16 + j. The nibbles start at byte 48. */
export function decodeQ5_K(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at)
  const m = half(block, at + 2)
  for (let sub = 0; sub < 8; sub++) {
    const scale = d * scaleOf(block, at + 4, sub)
    const min = m * minOf(block, at + 4, sub)
    const bytes = at + 48 + 32 * (sub >> 1)
    const shift = 4 * (sub & 1)
    for (let j = 0; j < 32; j++) {
      const fifth = ((block.getUint8(at + 16 + j) >> sub) & 1) << 4
      out[to + 32 * sub + j] = scale * (((block.getUint8(bytes + j) >> shift) & 15) | fifth) - min
    }
  }
}

/**
 * d · S · (q − 32) with a signed byte S for each 16 elements; q has its low four bits in `ql`, its high two in `qh`.
 */
export function decodeQ6_K(block: DataView, at: number, out: Float32Array, to: number): void {
  const scales = at + 192
  const d = half(block, at + 208)
  for (let i = 0; i < 256; i++) {
    const side = i >> 7 // elements 0..127 or 128..255
    const quarter = (i >> 5) & 3
    const lane = i & 31
    const low = (block.getUint8(at + 64 * side + 32 * (quarter & 1) + lane) >> (quarter < 2 ? 0 : 4)) & 15
    const high = (block.getUint8(at + 128 + 32 * side + lane) >> (2 * quarter)) & 3
    out[to + i] = d * block.getInt8(scales + (i >> 4)) * ((low | (high << 4)) - 32)
  }
}

/** Element i of 256 in 64 bytes: each half of the elements has 32 bytes, whose bit pairs are four runs of 32. */
const twoBits = (block: DataView, at: number, i: number): number =>
  (block.getUint8(at + 32 * (i >> 7) + (i & 31)) >> (2 * ((i >> 5) & 3))) & 3

/**
 * The 6-bit scale of sub-block j: its own byte for j < 4, else four bits of byte j + 4 and the top two of byte j − 4.
 */
function scaleOf(block: DataView, at: number, j: number): number {
  if (j < 4) return block.getUint8(at + j) & 63
  return (block.getUint8(at + j + 4) & 15) | ((block.getUint8(at + j - 4) >> 6) << 4)
}

/**
 * The 6-bit minimum of sub-block j: byte j + 4 for j < 4, else the high four bits of byte j + 4 and the top two of
 * byte j.
 */
function minOf(block: DataView, at: number, j: number): number {
  if (j < 4) return block.getUint8(at + j + 4) & 63
  return (block.getUint8(at + j + 4) >> 4) | ((block.getUint8(at + j) >> 6) << 4)
}
