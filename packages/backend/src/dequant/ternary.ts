import { half } from './decode-block.js'

/**
 * d · (t − 1), t the base-3 digits of bytes: byte j of a run holds digit n of element j + n · run. A byte is the number
 * scaled to 0…255, rounded up, so that the leading digit is the carry of a multiplication by 3.
 * Three runs: 32 bytes and 16 bytes of five digits, 4 bytes of four digits.
 */
export function decodeTQ1_0(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at + 52)
  decodeDigits(d, block, at, 32, 5, out, to)
  decodeDigits(d, block, at + 32, 16, 5, out, to + 160)
  decodeDigits(d, block, at + 48, 4, 4, out, to + 240)
}

function decodeDigits(
  d: number,
  block: DataView,
  at: number,
  run: number,
  digits: number,
  out: Float32Array,
  to: number,
): void {
  for (let j = 0; j < run; j++) {
    let rest = block.getUint8(at + j)
    for (let n = 0; n < digits; n++) {
      out[to + j + n * run] = d * (((rest * 3) >> 8) - 1)
      rest = (rest * 3) & 255
    }
  }
}

/** d · (q − 1), q two bits; each half of the elements has 32 bytes, whose bit pairs are four runs of 32. */
export function decodeTQ2_0(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at + 64)
  for (let i = 0; i < 256; i++) {
    const q = (block.getUint8(at + 32 * (i >> 7) + (i & 31)) >> (2 * ((i >> 5) & 3))) & 3
    out[to + i] = d * (q - 1)
  }
}
