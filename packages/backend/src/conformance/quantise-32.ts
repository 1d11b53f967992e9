import { UNEVEN } from '../dequant/tables-of-16.js'
import { toHalf } from '../half.js'
import { extreme, level } from './levels.js'

/** Packers of blocks of 32, and of IQ4_XS, which shares the uneven levels. */

export function encodeQ4_0(values: Float32Array, block: DataView): void {
  const d = extreme(values) / -8
  block.setUint16(0, toHalf(d), true)
  for (let j = 0; j < 16; j++) {
    const [low, high] = [level(values[j], d, -8, 7) + 8, level(values[j + 16], d, -8, 7) + 8]
    block.setUint8(2 + j, low | (high << 4))
  }
}

export function encodeQ5_0(values: Float32Array, block: DataView): void {
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

export function encodeQ8_0(values: Float32Array, block: DataView): void {
  const d = extreme(values) / 127
  block.setUint16(0, toHalf(d), true)
  for (let j = 0; j < 32; j++) block.setInt8(2 + j, level(values[j], d, -127, 127))
}

export function encodeQ4_1(values: Float32Array, block: DataView): void {
  const { d, m } = withMinimum(values, 15)
  block.setUint16(0, toHalf(d), true)
  block.setUint16(2, toHalf(m), true)
  for (let j = 0; j < 16; j++) {
    block.setUint8(4 + j, level(values[j] - m, d, 0, 15) | (level(values[j + 16] - m, d, 0, 15) << 4))
  }
}

export function encodeQ5_1(values: Float32Array, block: DataView): void {
  const { d, m } = withMinimum(values, 31)
  block.setUint16(0, toHalf(d), true)
  block.setUint16(2, toHalf(m), true)
  let fifth = 0
  for (let j = 0; j < 16; j++) {
    const [low, high] = [level(values[j] - m, d, 0, 31), level(values[j + 16] - m, d, 0, 31)]
    block.setUint8(8 + j, (low & 15) | ((high & 15) << 4))
    fifth |= ((low >> 4) << j) | ((high >> 4) << (j + 16))
  }
  block.setUint32(4, fifth >>> 0, true)
}

export function encodeIQ4_NL(values: Float32Array, block: DataView): void {
  const d = extreme(values) / UNEVEN[0]
  block.setUint16(0, toHalf(d), true)
  putUneven(values, d, block, 2)
}

/** Eight sub-blocks of 32 with a signed 6-bit scale each. */
export function encodeIQ4_XS(values: Float32Array, block: DataView): void {
  const parts = Array.from({ length: 8 }, (_, j) => values.subarray(32 * j, 32 * j + 32))
  const sizes = parts.map((part) => extreme(part) / UNEVEN[0])
  const d = Math.max(...sizes.map(Math.abs)) / 31
  block.setUint16(0, toHalf(d), true)
  let highs = 0
  for (let j = 0; j < 8; j++) {
    const scale = level(sizes[j], d, -31, 31)
    block.setUint8(4 + (j >> 1), block.getUint8(4 + (j >> 1)) | (((scale + 32) & 15) << (4 * (j & 1))))
    highs |= ((scale + 32) >> 4) << (2 * j)
    putUneven(parts[j], d * scale, block, 8 + 16 * j)
  }
  block.setUint16(2, highs, true)
}

/** Halfway between each of the uneven levels and the next. */
const HALFWAY = Float32Array.from({ length: 15 }, (_, q) => (UNEVEN[q] + UNEVEN[q + 1]) / 2)

/** Nibbles of 32 elements: the number of the level nearest to value / d. */
function putUneven(values: Float32Array, d: number, block: DataView, at: number): void {
  const nearest = (value: number): number => {
    let q = 0
    while (q < 15 && value / d > HALFWAY[q]) q++
    return q
  }
  for (let j = 0; j < 16; j++) block.setUint8(at + j, nearest(values[j]) | (nearest(values[j + 16]) << 4))
}

function withMinimum(values: Float32Array, top: number): { readonly d: number; readonly m: number } {
  const m = Math.min(...values)
  return { d: (Math.max(...values) - m) / top, m }
}
