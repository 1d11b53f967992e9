import { fromHalf } from '../half.js'

/**
 * Writes the values of the block at byte `at` to `out`, from index `to` on.
 *
 * All numbers are little-endian, `d` and `m` are halves. Products of a half and small integers fit in 24 bits, and one
 * sum in double then rounded to f32 equals the f32 sum, so the results are bit for bit those of ggml.
 */
export type DecodeBlock = (block: DataView, at: number, out: Float32Array, to: number) => void

/** The half-precision number at byte `at`. */
export const half = (block: DataView, at: number): number => fromHalf(block.getUint16(at, true))
