import { toHalf } from '../half.js'
import { BLOCKS, rowBytes, type QuantType } from '../quant.js'

/**
 * Packs values into valid blocks of a type. Plain rounding to the nearest level: good enough for tests, where the
 * packed bytes and not the source values are the truth. A constant run becomes the lowest level of Q4_0 and Q5_0 and
 * the extreme of the others, which is what overflows a careless integer kernel.
 */
export function quantise(type: QuantType, values: Float32Array): Uint8Array {
  switch (type) {
    case 'F32':
      return new Uint8Array(values.slice().buffer)
    case 'F16':
      return new Uint8Array(Uint16Array.from(values, toHalf).buffer)
    case 'BF16':
      return upperHalves(values)
    case 'Q4_0':
      return encodeBlocks(type, values, encodeQ4_0)
    case 'Q5_0':
      return encodeBlocks(type, values, encodeQ5_0)
    case 'Q8_0':
      return encodeBlocks(type, values, encodeQ8_0)
    case 'Q4_K':
      return encodeBlocks(type, values, encodeQ4_K)
    case 'Q6_K':
      return encodeBlocks(type, values, encodeQ6_K)
    default:
      return type satisfies never
  }
}

/** The upper 16 bits of each f32: rounded towards zero. */
const upperHalves = (values: Float32Array): Uint8Array =>
  new Uint8Array(Uint16Array.from(new Uint32Array(values.slice().buffer), (bits) => bits >>> 16).buffer)

function encodeBlocks(
  type: QuantType,
  values: Float32Array,
  encode: (values: Float32Array, block: DataView) => void,
): Uint8Array {
  const { blockWeights, blockBytes } = BLOCKS[type]
  const packed = new Uint8Array(rowBytes(type, values.length))
  for (let from = 0, at = 0; from < values.length; from += blockWeights, at += blockBytes) {
    encode(values.subarray(from, from + blockWeights), new DataView(packed.buffer, at, blockBytes))
  }
  return packed
}

function encodeQ4_0(values: Float32Array, block: DataView): void {
  const d = extreme(values) / -8
  block.setUint16(0, toHalf(d), true)
  for (let j = 0; j < 16; j++) {
    const [low, high] = [level(values[j], d, -8, 7) + 8, level(values[j + 16], d, -8, 7) + 8]
    block.setUint8(2 + j, low | (high << 4))
  }
}

function encodeQ5_0(values: Float32Array, block: DataView): void {
  const d = extreme(values) / -16
  block.setUint16(0, toHalf(d), true)
  let fifth = 0
  for (let j = 0; j < 16; j++) {
    const [low, high] = [level(values[j], d, -16, 15) + 16, level(values[j + 16], d, -16, 15) + 16]
    block.setUint8(6 + j, (low & 15) | ((high & 15) << 4))
    fifth |= ((low >> 4) << j) | ((high >> 4) << (j + 16))
  }
  block.setUint32(2, fifth >>> 0, true)
}

function encodeQ8_0(values: Float32Array, block: DataView): void {
  const d = extreme(values) / 127
  block.setUint16(0, toHalf(d), true)
  for (let j = 0; j < 32; j++) block.setInt8(2 + j, level(values[j], d, -127, 127))
}

/** Eight sub-blocks of 32 with a 6-bit scale and minimum each: value = d · S · q − m · M. */
function encodeQ4_K(values: Float32Array, block: DataView): void {
  const parts = Array.from({ length: 8 }, (_, j) => values.subarray(32 * j, 32 * j + 32))
  const mins = parts.map((part) => Math.max(0, -Math.min(...part)))
  const ranges = parts.map((part, j) => (Math.max(...part) + mins[j]) / 15)
  const d = Math.max(0, ...ranges) / 63
  const m = Math.max(...mins) / 63
  block.setUint16(0, toHalf(d), true)
  block.setUint16(2, toHalf(m), true)
  for (let j = 0; j < 8; j++) {
    const scale = level(ranges[j], d, 0, 63)
    const min = level(mins[j], m, 0, 63)
    setScale(block, j, scale, min)
    for (let i = 0; i < 32; i++) {
      const at = 16 + 32 * (j >> 1) + i
      const q = level(parts[j][i] + m * min, d * scale, 0, 15)
      block.setUint8(at, block.getUint8(at) | (q << (4 * (j & 1))))
    }
  }
}

/**
 * Puts the scale and the minimum of sub-block j among the 12 bytes at byte 4; their top bits share bytes for j >= 4.
 */
function setScale(block: DataView, j: number, scale: number, min: number): void {
  const or = (at: number, bits: number): void => block.setUint8(4 + at, block.getUint8(4 + at) | bits)
  if (j < 4) {
    or(j, scale)
    or(j + 4, min)
  } else {
    or(j + 4, (scale & 15) | ((min & 15) << 4))
    or(j - 4, (scale >> 4) << 6)
    or(j, (min >> 4) << 6)
  }
}

/** Sixteen sub-blocks of 16 with a signed 8-bit scale each: value = d · S · (q − 32). */
function encodeQ6_K(values: Float32Array, block: DataView): void {
  const parts = Array.from({ length: 16 }, (_, j) => values.subarray(16 * j, 16 * j + 16))
  const scales = parts.map((part) => extreme(part) / -32)
  const d = Math.max(...scales.map(Math.abs)) / 127
  block.setUint16(208, toHalf(d), true)
  for (let i = 0; i < 256; i++) {
    const scale = level(scales[i >> 4], d, -127, 127)
    const q = level(values[i], d * scale, -32, 31) + 32
    const [side, quarter, lane] = [i >> 7, (i >> 5) & 3, i & 31]
    const low = 64 * side + 32 * (quarter & 1) + lane
    const high = 128 + 32 * side + lane
    block.setInt8(192 + (i >> 4), scale)
    block.setUint8(low, block.getUint8(low) | ((q & 15) << (quarter < 2 ? 0 : 4)))
    block.setUint8(high, block.getUint8(high) | ((q >> 4) << (2 * quarter)))
  }
}

/** The value furthest from zero, with its sign. */
const extreme = (values: Float32Array): number =>
  values.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0)

/** The level nearest to value / step, within [low, high]; level 0 where the step is 0. */
const level = (value: number, step: number, low: number, high: number): number =>
  step === 0 ? Math.max(low, 0) : Math.min(high, Math.max(low, Math.round(value / step)))
