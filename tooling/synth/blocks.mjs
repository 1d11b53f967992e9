import { STORED_BLOCKS, toHalf } from '../../packages/backend/dist/index.js'
import { normalQuantiles } from './random.mjs'

/**
 * Writers of random blocks: each returns a function that fills whole blocks with weights of about the standard
 * deviation `sd`, bell-shaped, of mean 0, and valid: what a quantiser makes looks the same to a kernel.
 *
 * @typedef {(bytes: Uint8Array, next: () => number) => void} Fill `bytes` starts at an even byte of its memory
 * @type {Readonly<Record<string, (sd: number) => Fill>>}
 */
export const FILLS = {
  F32: fillF32,
  F16: fillF16,
  Q4_0: fillQ4_0,
  Q5_0: fillQ5_0,
  Q8_0: fillQ8_0,
  Q4_K: fillQ4_K,
  Q6_K: fillQ6_K,
}

/** Standard deviation of each type's values, in levels. */
const LEVELS = { Q4_0: 3.4, Q5_0: 9.2, Q8_0: 42, Q4_K: 3.4, Q6_K: 12.2 }

/** Scales of sub-blocks are whole numbers from here on, twice as many: 32…63 and 64…127. */
const SUB_SCALES = { Q4_K: 32, Q6_K: 64 }

function fillF32(sd) {
  const values = Float32Array.from(normalQuantiles(65_536), (value) => sd * value)
  return (bytes, next) => {
    const out = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4)
    for (let i = 0; i < out.length; i++) out[i] = values[next() >>> 16]
  }
}

function fillF16(sd) {
  const values = Uint16Array.from(normalQuantiles(65_536), (value) => toHalf(sd * value))
  return (bytes, next) => {
    const out = halves(bytes)
    for (let i = 0; i < out.length; i++) out[i] = values[next() >>> 16]
  }
}

function fillQ4_0(sd) {
  const scales = signedScales(sd / LEVELS.Q4_0)
  const pairs = nibblePairs()
  return everyBlock('Q4_0', (bytes, words, at, next) => {
    words[at >> 1] = scales[next() >>> 24]
    for (let j = 2; j < 18; j += 2) {
      const word = next()
      bytes[at + j] = pairs[word & 0xffff]
      bytes[at + j + 1] = pairs[word >>> 16]
    }
  })
}

/** Five random bits: levels of equal probability, as the largest of a block rarely leaves room for tails. */
function fillQ5_0(sd) {
  const scales = signedScales(sd / LEVELS.Q5_0)
  return everyBlock('Q5_0', (bytes, words, at, next) => {
    words[at >> 1] = scales[next() >>> 24]
    for (let j = 2; j < 22; j += 4) putWord(words, at + j, next())
  })
}

function fillQ8_0(sd) {
  const scales = signedScales(sd / LEVELS.Q8_0)
  // Quantisers never make -128.
  const levels = Int8Array.from(normalQuantiles(256), (value) => clamp(Math.round(LEVELS.Q8_0 * value), -127, 127))
  return everyBlock('Q8_0', (bytes, words, at, next) => {
    words[at >> 1] = scales[next() >>> 24]
    for (let j = 2; j < 34; j += 4) {
      const word = next()
      bytes[at + j] = levels[word & 255]
      bytes[at + j + 1] = levels[(word >>> 8) & 255]
      bytes[at + j + 2] = levels[(word >>> 16) & 255]
      bytes[at + j + 3] = levels[word >>> 24]
    }
  })
}

/** d · S · q − m · M with M = S and m = 7.5 d: levels around 0. */
function fillQ4_K(sd) {
  const middle = sd / (LEVELS.Q4_K * 1.5 * SUB_SCALES.Q4_K)
  const scales = spread(middle).map(toHalf)
  const mins = spread(middle).map((d) => toHalf(7.5 * d))
  const pairs = nibblePairs()
  const sub = new Uint8Array(8)
  return everyBlock('Q4_K', (bytes, words, at, next) => {
    const pick = next() >>> 24
    words[at >> 1] = scales[pick]
    words[(at >> 1) + 1] = mins[pick]
    let bits = next()
    for (let j = 0; j < 8; j++, bits >>>= 4) sub[j] = SUB_SCALES.Q4_K + 2 * (bits & 15)
    for (let j = 0; j < 4; j++) {
      const top = (sub[j + 4] >> 4) << 6
      bytes[at + 4 + j] = sub[j] | top
      bytes[at + 8 + j] = sub[j] | top
      bytes[at + 12 + j] = (sub[j + 4] & 15) * 17
    }
    for (let j = 16; j < 144; j += 2) {
      const word = next()
      bytes[at + j] = pairs[word & 0xffff]
      bytes[at + j + 1] = pairs[word >>> 16]
    }
  })
}

/** d · S · (q − 32): four random low bits, two high bits of which the middle values are the likelier. */
function fillQ6_K(sd) {
  const scales = spread(sd / (LEVELS.Q6_K * 1.5 * SUB_SCALES.Q6_K)).map(toHalf)
  const quads = Uint8Array.from({ length: 65_536 }, (_, index) => {
    let byte = 0
    for (let k = 0; k < 4; k++) byte |= highBits((index >> (4 * k)) & 15) << (2 * k)
    return byte
  })
  return everyBlock('Q6_K', (bytes, words, at, next) => {
    for (let j = 0; j < 128; j += 4) putWord(words, at + j, next())
    for (let j = 128; j < 192; j += 2) {
      const word = next()
      bytes[at + j] = quads[word & 0xffff]
      bytes[at + j + 1] = quads[word >>> 16]
    }
    for (let j = 192; j < 208; j++) {
      const word = next()
      const scale = SUB_SCALES.Q6_K + (word >>> 26)
      bytes[at + j] = word & 1 ? scale : -scale
    }
    words[(at + 208) >> 1] = scales[next() >>> 24]
  })
}

/** 0 and 3 once in 16, 1 and 2 seven times. */
const highBits = (four) => (four === 0 ? 0 : four === 15 ? 3 : four < 8 ? 1 : 2)

/** 256 positive scales around `middle`, from 0.7 to 1.3 of it. */
const spread = (middle) => Array.from({ length: 256 }, (_, i) => middle * (0.7 + (0.6 * i) / 255))

/** The same as f16 bits, every other negative: levels of a block are not symmetric, their average is. */
const signedScales = (middle) => Uint16Array.from(spread(middle), (scale, i) => toHalf(i % 2 === 0 ? scale : -scale))

/** For each 16 random bits a byte of two bell-shaped levels 0…15. */
function nibblePairs() {
  const levels = Uint8Array.from(normalQuantiles(256), (value) => clamp(Math.floor(8 + LEVELS.Q4_0 * value), 0, 15))
  return Uint8Array.from({ length: 65_536 }, (_, i) => levels[i & 255] | (levels[i >> 8] << 4))
}

/**
 * @param {keyof typeof STORED_BLOCKS} type
 * @param {(bytes: Uint8Array, words: Uint16Array, at: number, next: () => number) => void} fill fills the block at byte
 * `at`, in either view of the memory
 * @returns {Fill}
 */
function everyBlock(type, fill) {
  const { blockBytes } = STORED_BLOCKS[type]
  return (bytes, next) => {
    const words = halves(bytes)
    for (let at = 0; at < bytes.byteLength; at += blockBytes) fill(bytes, words, at, next)
  }
}

function putWord(words, at, word) {
  words[at >> 1] = word & 0xffff
  words[(at >> 1) + 1] = word >>> 16
}

const halves = (bytes) => new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2)
const clamp = (value, low, high) => Math.min(high, Math.max(low, value))
