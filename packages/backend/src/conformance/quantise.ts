import { toHalf } from '../half.js'
import { rowBytes, STORED_BLOCKS, type QuantType } from '../quant.js'
import {
  encodeIQ4_NL,
  encodeIQ4_XS,
  encodeQ4_0,
  encodeQ4_1,
  encodeQ5_0,
  encodeQ5_1,
  encodeQ8_0,
} from './quantise-32.js'
import { encodeQ2_K, encodeQ3_K, encodeQ4_K, encodeQ5_K, encodeQ6_K } from './quantise-k.js'

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
    case 'Q4_1':
      return encodeBlocks(type, values, encodeQ4_1)
    case 'Q5_1':
      return encodeBlocks(type, values, encodeQ5_1)
    case 'Q2_K':
      return encodeBlocks(type, values, encodeQ2_K)
    case 'Q3_K':
      return encodeBlocks(type, values, encodeQ3_K)
    case 'Q5_K':
      return encodeBlocks(type, values, encodeQ5_K)
    case 'IQ4_NL':
      return encodeBlocks(type, values, encodeIQ4_NL)
    case 'IQ4_XS':
      return encodeBlocks(type, values, encodeIQ4_XS)
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
  const { blockWeights, blockBytes } = STORED_BLOCKS[type]
  const packed = new Uint8Array(rowBytes(type, values.length))
  for (let from = 0, at = 0; from < values.length; from += blockWeights, at += blockBytes) {
    encode(values.subarray(from, from + blockWeights), new DataView(packed.buffer, at, blockBytes))
  }
  return packed
}
