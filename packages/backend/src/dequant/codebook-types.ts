import { fromHalf } from '../half.js'
import {
  codebookIQ1,
  codebookIQ2_S,
  codebookIQ2_XS,
  codebookIQ2_XXS,
  codebookIQ3_S,
  codebookIQ3_XXS,
  type Codebook,
} from './codebooks.js'
import { half, type DecodeBlock } from './decode-block.js'

/** Types whose bits choose entries of a codebook, and signs for its elements. Each maker unpacks its codebook once. */

/**
 * d · (S + ½) / 4 · entry, for each 32 elements from 8 bytes: four entry numbers, then a u32 of four times seven sign
 * bits and four of S.
 */
export function decoderIQ2_XXS(): DecodeBlock {
  const book = codebookIQ2_XXS()
  return (block, at, out, to) => {
    const d = half(block, at)
    for (let sub = 0; sub < 8; sub++) {
      const bytes = at + 2 + 8 * sub
      const word = block.getUint32(bytes + 4, true)
      const scale = (d * ((word >>> 28) + 0.5)) / 4
      for (let l = 0; l < 4; l++) {
        const signs = evenSigns((word >>> (7 * l)) & 127)
        signed(book, block.getUint8(bytes + l), signs, scale, out, to + 32 * sub + 8 * l)
      }
    }
  }
}

/**
 * d · (S + ½) / 4 · entry, for each 8 elements a u16: nine bits of entry number, seven of sign. S is a nibble for each
 * 16 elements, at byte 66.
 */
export function decoderIQ2_XS(): DecodeBlock {
  const book = codebookIQ2_XS()
  return (block, at, out, to) => {
    const d = half(block, at)
    for (let group = 0; group < 32; group++) {
      const word = block.getUint16(at + 2 + 2 * group, true)
      const scale = (d * (nibble(block, at + 66, group >> 1) + 0.5)) / 4
      signed(book, word & 511, evenSigns(word >> 9), scale, out, to + 8 * group)
    }
  }
}

/**
 * d · (S + ½) / 4 · entry, for each 8 elements: eight bits of entry number at byte 2, two more at byte 66, eight signs
 * at byte 34. S is a nibble for each 16 elements, at byte 74.
 */
export function decoderIQ2_S(): DecodeBlock {
  const book = codebookIQ2_S()
  return (block, at, out, to) => {
    const d = half(block, at)
    for (let group = 0; group < 32; group++) {
      const high = (block.getUint8(at + 66 + (group >> 2)) >> (2 * (group & 3))) & 3
      const entry = block.getUint8(at + 2 + group) | (high << 8)
      const scale = (d * (nibble(block, at + 74, group >> 1) + 0.5)) / 4
      signed(book, entry, block.getUint8(at + 34 + group), scale, out, to + 8 * group)
    }
  }
}

/**
 * d · (S + ½) / 2 · entry, for each 32 elements: eight entry numbers of four elements each from byte 2 on, a u32 from
 * byte 66 on with four times seven sign bits and four of S.
 */
export function decoderIQ3_XXS(): DecodeBlock {
  const book = codebookIQ3_XXS()
  return (block, at, out, to) => {
    const d = half(block, at)
    for (let sub = 0; sub < 8; sub++) {
      const word = block.getUint32(at + 66 + 4 * sub, true)
      const scale = (d * ((word >>> 28) + 0.5)) / 2
      for (let pair = 0; pair < 8; pair++) {
        const signs = evenSigns((word >>> (7 * (pair >> 1))) & 127) >> (4 * (pair & 1))
        signed(book, block.getUint8(at + 2 + 8 * sub + pair), signs, scale, out, to + 32 * sub + 4 * pair)
      }
    }
  }
}

/**
 * d · (2S + 1) · entry, for each 4 elements: eight bits of entry number at byte 2, one more at byte 66, four signs at
 * byte 74. S is a nibble for each 32 elements, at byte 106.
 */
export function decoderIQ3_S(): DecodeBlock {
  const book = codebookIQ3_S()
  return (block, at, out, to) => {
    const d = half(block, at)
    for (let group = 0; group < 64; group++) {
      const ninth = (block.getUint8(at + 66 + (group >> 3)) >> (group & 7)) & 1
      const entry = block.getUint8(at + 2 + group) | (ninth << 8)
      const scale = d * (2 * nibble(block, at + 106, group >> 3) + 1)
      signed(book, entry, nibble(block, at + 74, group), scale, out, to + 4 * group)
    }
  }
}

/**
 * d · (2S + 1) · (entry ± ⅛), for each 32 elements a u16 at byte 34: three more bits for each of four entry numbers
 * (the others at byte 2), three of S, and the sign of the eighth.
 */
export function decoderIQ1_S(): DecodeBlock {
  const book = codebookIQ1()
  return (block, at, out, to) => {
    const d = half(block, at)
    for (let group = 0; group < 32; group++) {
      const word = block.getUint16(at + 34 + 2 * (group >> 2), true)
      const entry = block.getUint8(at + 2 + group) | (((word >> (3 * (group & 3))) & 7) << 8)
      const scale = d * (2 * ((word >> 12) & 7) + 1)
      shifted(book, entry, word & 0x8000 ? -0.125 : 0.125, scale, out, to + 8 * group)
    }
  }
}

/**
 * d · (2S + 1) · (entry ± ⅛). For each 8 elements: eight bits of entry number, then a nibble at byte 32 with three more
 * and the sign of the eighth. Four u16 at byte 48 hold four times three bits of S, one for each 16 elements; their top
 * nibbles are d.
 */
export function decoderIQ1_M(): DecodeBlock {
  const book = codebookIQ1()
  return (block, at, out, to) => {
    const word = (i: number): number => block.getUint16(at + 48 + 2 * i, true)
    const d = fromHalf((word(0) >> 12) | ((word(1) >> 12) << 4) | ((word(2) >> 12) << 8) | ((word(3) >> 12) << 12))
    for (let group = 0; group < 32; group++) {
      const high = nibble(block, at + 32, group)
      const entry = block.getUint8(at + group) | ((high & 7) << 8)
      const scale = d * (2 * ((word(group >> 3) >> (3 * ((group >> 1) & 3))) & 7) + 1)
      shifted(book, entry, high & 8 ? -0.125 : 0.125, scale, out, to + 8 * group)
    }
  }
}

/** Nibble i of the bytes from `at` on, the low one of a byte first. */
const nibble = (block: DataView, at: number, i: number): number => (block.getUint8(at + (i >> 1)) >> (4 * (i & 1))) & 15

/** Seven signs and an eighth that makes the number of negative ones even. */
function evenSigns(bits: number): number {
  let parity = bits ^ (bits >> 4)
  parity ^= parity >> 2
  parity ^= parity >> 1
  return bits | ((parity & 1) << 7)
}

/** scale · level, negative where the bit is set. */
function signed(book: Codebook, entry: number, signs: number, scale: number, out: Float32Array, to: number): void {
  const { size, levels } = book
  for (let i = 0; i < size; i++) out[to + i] = scale * levels[entry * size + i] * ((signs >> i) & 1 ? -1 : 1)
}

/** scale · (level + shift) */
function shifted(book: Codebook, entry: number, shift: number, scale: number, out: Float32Array, to: number): void {
  const { size, levels } = book
  for (let i = 0; i < size; i++) out[to + i] = scale * (levels[entry * size + i] + shift)
}
