import { check } from './errors.js'
import { fromBfloat, fromHalf } from './half.js'
import { BLOCKS, rowBytes, type QuantType } from './quant.js'

/**
 * Writes the values of the block at byte `at` to `out`, from index `to` on. The table below holds one such function a type:
 * adding a GGML type is a line in BLOCKS, one in that table, and its function.
 *
 * All numbers are little-endian, `d` and `m` are halves. Products of a half and two small integers fit in 24 bits, and one
 * subtraction in double then rounded to f32 equals the f32 subtraction, so the results are bit for bit those of ggml.
 */
type DecodeBlock = (block: DataView, at: number, out: Float32Array, to: number) => void

const DECODERS = {
  F32: decodeF32,
  F16: decodeF16,
  BF16: decodeBF16,
  Q4_0: decodeQ4_0,
  Q5_0: decodeQ5_0,
  Q8_0: decodeQ8_0,
  Q4_K: decodeQ4_K,
  Q6_K: decodeQ6_K,
} as const satisfies Record<QuantType, DecodeBlock>

/**
 * Exact f32 values of packed weights, the same bits as ggml's own conversion.
 * @param packed whole blocks of `type`, exactly as many as `out` has values for
 * @throws G3Error `backend/shape` when the sizes do not belong together
 */
export function dequantize(type: QuantType, packed: Uint8Array, out: Float32Array): void {
  const { blockWeights, blockBytes } = BLOCKS[type]
  check(
    out.length % blockWeights === 0 && packed.byteLength === rowBytes(type, out.length),
    'backend/shape',
    () => `${packed.byteLength} bytes do not hold ${out.length} weights of type ${type}`,
  )
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  const decode: DecodeBlock = DECODERS[type]
  for (let at = 0, to = 0; to < out.length; at += blockBytes, to += blockWeights) decode(view, at, out, to)
}

function decodeF32(block: DataView, at: number, out: Float32Array, to: number): void {
  out[to] = block.getFloat32(at, true)
}

function decodeF16(block: DataView, at: number, out: Float32Array, to: number): void {
  out[to] = half(block, at)
}

function decodeBF16(block: DataView, at: number, out: Float32Array, to: number): void {
  out[to] = fromBfloat(block.getUint16(at, true))
}

/** d · (q − 8); byte j holds q of element j (low nibble) and of element j + 16 (high nibble). */
function decodeQ4_0(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at)
  for (let j = 0; j < 16; j++) {
    const pair = block.getUint8(at + 2 + j)
    out[to + j] = d * ((pair & 15) - 8)
    out[to + j + 16] = d * ((pair >> 4) - 8)
  }
}

/** d · (q − 16); low four bits as in Q4_0, bit j of the u32 at byte 2 is bit 4 of element j. */
function decodeQ5_0(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at)
  const high = block.getUint32(at + 2, true)
  for (let j = 0; j < 16; j++) {
    const pair = block.getUint8(at + 6 + j)
    out[to + j] = d * (((pair & 15) | (((high >>> j) & 1) << 4)) - 16)
    out[to + j + 16] = d * (((pair >> 4) | (((high >>> (j + 16)) & 1) << 4)) - 16)
  }
}

/** d · q with q a signed byte. */
function decodeQ8_0(block: DataView, at: number, out: Float32Array, to: number): void {
  const d = half(block, at)
  for (let j = 0; j < 32; j++) out[to + j] = d * block.getInt8(at + 2 + j)
}

/**
 * d · S · q − m · M for each sub-block of 32, with 6-bit S and M from the 12 bytes at byte 4.
 * Sub-blocks 2i and 2i + 1 share 32 bytes: low nibbles and high nibbles.
 */
function decodeQ4_K(block: DataView, at: number, out: Float32Array, to: number): void {
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

/** d · S · (q − 32) with a signed byte S for each 16 elements; q has its low four bits in `ql`, its high two in `qh`. */
function decodeQ6_K(block: DataView, at: number, out: Float32Array, to: number): void {
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

/** The 6-bit scale of sub-block j: its own byte for j < 4, else four bits of byte j + 4 and the top two of byte j − 4. */
function scaleOf(block: DataView, at: number, j: number): number {
  if (j < 4) return block.getUint8(at + j) & 63
  return (block.getUint8(at + j + 4) & 15) | ((block.getUint8(at + j - 4) >> 6) << 4)
}

/** The 6-bit minimum of sub-block j: byte j + 4 for j < 4, else the high four bits of byte j + 4 and the top two of byte j. */
function minOf(block: DataView, at: number, j: number): number {
  if (j < 4) return block.getUint8(at + j + 4) & 63
  return (block.getUint8(at + j + 4) >> 4) | ((block.getUint8(at + j) >> 6) << 4)
}

const half = (block: DataView, at: number): number => fromHalf(block.getUint16(at, true))
