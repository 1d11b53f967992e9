import { toHalf } from '../half.js'
import { extreme, level } from './levels.js'

/** Eight sub-blocks of 32 with a 6-bit scale and minimum each: value = d · S · q − m · M. */
export function encodeQ4_K(values: Float32Array, block: DataView): void {
  const { d, m, scales, mins } = withMinima(values, 8, 15, 63)
  block.setUint16(0, toHalf(d), true)
  block.setUint16(2, toHalf(m), true)
  for (let j = 0; j < 8; j++) setScale(block, j, scales[j], mins[j])
  for (let i = 0; i < 256; i++) {
    const sub = i >> 5
    const q = level(values[i] + m * mins[sub], d * scales[sub], 0, 15)
    or(block, 16 + 32 * (sub >> 1) + (i & 31), q << (4 * (sub & 1)))
  }
}

/** As Q4_K with a fifth bit. */
export function encodeQ5_K(values: Float32Array, block: DataView): void {
  const { d, m, scales, mins } = withMinima(values, 8, 31, 63)
  block.setUint16(0, toHalf(d), true)
  block.setUint16(2, toHalf(m), true)
  for (let j = 0; j < 8; j++) setScale(block, j, scales[j], mins[j])
  for (let i = 0; i < 256; i++) {
    const sub = i >> 5
    const q = level(values[i] + m * mins[sub], d * scales[sub], 0, 31)
    or(block, 48 + 32 * (sub >> 1) + (i & 31), (q & 15) << (4 * (sub & 1)))
    or(block, 16 + (i & 31), (q >> 4) << sub)
  }
}

/** Sixteen sub-blocks of 16 with a 4-bit scale and minimum each: value = d · S · q − m · M. */
export function encodeQ2_K(values: Float32Array, block: DataView): void {
  const { d, m, scales, mins } = withMinima(values, 16, 3, 15)
  block.setUint16(80, toHalf(d), true)
  block.setUint16(82, toHalf(m), true)
  for (let j = 0; j < 16; j++) block.setUint8(j, scales[j] | (mins[j] << 4))
  for (let i = 0; i < 256; i++) {
    const sub = i >> 4
    putTwoBits(block, 16, i, level(values[i] + m * mins[sub], d * scales[sub], 0, 3))
  }
}

/** Sixteen sub-blocks of 16 with a signed 6-bit scale each: value = d · (S − 32) · (q − 4). */
export function encodeQ3_K(values: Float32Array, block: DataView): void {
  const sizes = Array.from({ length: 16 }, (_, j) => extreme(values.subarray(16 * j, 16 * j + 16)) / -4)
  const d = Math.max(...sizes.map(Math.abs)) / 31
  block.setUint16(108, toHalf(d), true)
  for (let j = 0; j < 16; j++) {
    const scale = level(sizes[j], d, -31, 31) + 32
    or(block, 96 + (j & 7), (scale & 15) << (j < 8 ? 0 : 4))
    or(block, 104 + (j & 3), (scale >> 4) << (2 * (j >> 2)))
  }
  for (let i = 0; i < 256; i++) {
    const q = level(values[i], d * level(sizes[i >> 4], d, -31, 31), -4, 3) + 4
    putTwoBits(block, 32, i, q & 3)
    or(block, i & 31, (q >> 2) << (i >> 5))
  }
}

/** Scales and minima of `count` sub-blocks, whole numbers up to `most`, for levels 0…`top`. */
function withMinima(values: Float32Array, count: number, top: number, most: number) {
  const size = 256 / count
  const parts = Array.from({ length: count }, (_, j) => values.subarray(size * j, size * j + size))
  const depths = parts.map((part) => Math.max(0, -Math.min(...part)))
  const steps = parts.map((part, j) => (Math.max(...part) + depths[j]) / top)
  const d = Math.max(0, ...steps) / most
  const m = Math.max(...depths) / most
  const scales = steps.map((step) => level(step, d, 0, most))
  return { d, m, scales, mins: depths.map((depth) => level(depth, m, 0, most)) }
}

/** Element i of 256 in 64 bytes, as `decodeQ2_K` finds it. */
const putTwoBits = (block: DataView, at: number, i: number, q: number): void =>
  or(block, at + 32 * (i >> 7) + (i & 31), q << (2 * ((i >> 5) & 3)))

const or = (block: DataView, at: number, bits: number): void => block.setUint8(at, block.getUint8(at) | bits)

/**
 * Puts the scale and the minimum of sub-block j among the 12 bytes at byte 4; their top bits share bytes for j >= 4.
 */
function setScale(block: DataView, j: number, scale: number, min: number): void {
  if (j < 4) {
    or(block, 4 + j, scale)
    or(block, 8 + j, min)
  } else {
    or(block, 8 + j, (scale & 15) | ((min & 15) << 4))
    or(block, j, (scale >> 4) << 6)
    or(block, 4 + j, (min >> 4) << 6)
  }
}

/** Sixteen sub-blocks of 16 with a signed 8-bit scale each: value = d · S · (q − 32). */
export function encodeQ6_K(values: Float32Array, block: DataView): void {
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
