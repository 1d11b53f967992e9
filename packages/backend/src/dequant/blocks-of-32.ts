import { half } from './decode-block.js'

/** d · (q − 8); byte j holds q of element j (low nibble) and of element j + 16 (high nibble). */
export function decodeQ4_0(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at)
  for (let j = 0; j < 16; j++) {
    const pair = block.getUint8(at + 2 + j)
    out[to + j] = d * ((pair & 15) - 8)
    out[to + j + 16] = d * ((pair >> 4) - 8)
  }
}

/** d · q + m, nibbles as in Q4_0. */
export function decodeQ4_1(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at)
  const m = half(block, at + 2)
  for (let j = 0; j < 16; j++) {
    const pair = block.getUint8(at + 4 + j)
    out[to + j] = d * (pair & 15) + m
    out[to + j + 16] = d * (pair >> 4) + m
  }
}

/** d · (q − 16); low four bits as in Q4_0, bit j of the u32 at byte 2 is bit 4 of element j. */
export function decodeQ5_0(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at)
  const high = block.getUint32(at + 2, true)
  for (let j = 0; j < 16; j++) {
    const pair = block.getUint8(at + 6 + j)
    out[to + j] = d * (((pair & 15) | fifthBit(high, j)) - 16)
    out[to + j + 16] = d * (((pair >> 4) | fifthBit(high, j + 16)) - 16)
  }
}

/** d · q + m, with the bits of Q5_0; the u32 of fifth bits is at byte 4. */
export function decodeQ5_1(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at)
  const m = half(block, at + 2)
  const high = block.getUint32(at + 4, true)
  for (let j = 0; j < 16; j++) {
    const pair = block.getUint8(at + 8 + j)
    out[to + j] = d * ((pair & 15) | fifthBit(high, j)) + m
    out[to + j + 16] = d * ((pair >> 4) | fifthBit(high, j + 16)) + m
  }
}

/** d · q with q a signed byte. */
export function decodeQ8_0(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at)
  for (let j = 0; j < 32; j++) out[to + j] = d * block.getInt8(at + 2 + j)
}

/** Bit j of `high`, in the place of bit 4. */
const fifthBit = (high: number, j: number): number => ((high >>> j) & 1) << 4
