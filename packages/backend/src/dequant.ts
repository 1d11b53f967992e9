import { decodeQ4_0, decodeQ4_1, decodeQ5_0, decodeQ5_1, decodeQ8_0 } from './dequant/blocks-of-32.js'
import {
  decoderIQ1_M,
  decoderIQ1_S,
  decoderIQ2_S,
  decoderIQ2_XS,
  decoderIQ2_XXS,
  decoderIQ3_S,
  decoderIQ3_XXS,
} from './dequant/codebook-types.js'
import type { DecodeBlock } from './dequant/decode-block.js'
import { decodeBF16, decodeF16, decodeF32 } from './dequant/floats.js'
import { decodeQ2_K, decodeQ3_K, decodeQ4_K, decodeQ5_K, decodeQ6_K } from './dequant/k-quants.js'
import { decodeIQ4_NL, decodeIQ4_XS, decodeMXFP4, decodeNVFP4 } from './dequant/tables-of-16.js'
import { decodeTQ1_0, decodeTQ2_0 } from './dequant/ternary.js'
import { check } from './errors.js'
import { rowBytes, STORED_BLOCKS, type StoredType } from './quant.js'

/** How each type's blocks are decoded. Adding a GGML type is a line in `quant.ts`, one here, and its function. */
const DECODERS: Readonly<Record<StoredType, () => DecodeBlock>> = {
  F32: () => decodeF32,
  F16: () => decodeF16,
  BF16: () => decodeBF16,
  Q4_0: () => decodeQ4_0,
  Q4_1: () => decodeQ4_1,
  Q5_0: () => decodeQ5_0,
  Q5_1: () => decodeQ5_1,
  Q8_0: () => decodeQ8_0,
  Q2_K: () => decodeQ2_K,
  Q3_K: () => decodeQ3_K,
  Q4_K: () => decodeQ4_K,
  Q5_K: () => decodeQ5_K,
  Q6_K: () => decodeQ6_K,
  IQ1_S: decoderIQ1_S,
  IQ1_M: decoderIQ1_M,
  IQ2_XXS: decoderIQ2_XXS,
  IQ2_XS: decoderIQ2_XS,
  IQ2_S: decoderIQ2_S,
  IQ3_XXS: decoderIQ3_XXS,
  IQ3_S: decoderIQ3_S,
  IQ4_NL: () => decodeIQ4_NL,
  IQ4_XS: () => decodeIQ4_XS,
  TQ1_0: () => decodeTQ1_0,
  TQ2_0: () => decodeTQ2_0,
  MXFP4: () => decodeMXFP4,
  NVFP4: () => decodeNVFP4,
}

/**
 * Exact f32 values of packed weights, the same bits as ggml's own conversion.
 * @param packed whole blocks of `type`, exactly as many as `out` has values for
 * @throws G3Error `backend/shape` when the sizes do not belong together
 */
export function dequantize(type: StoredType, packed: Uint8Array, out: Float32Array): void {
  dequantizer(type)(packed, out)
}

/** {@link dequantize} for many calls with one type: what it needs is prepared once. */
export function dequantizer(type: StoredType): (packed: Uint8Array, out: Float32Array) => void {
  const { blockWeights, blockBytes } = STORED_BLOCKS[type]
  const decode = DECODERS[type]()
  return (packed, out) => {
    check(
      out.length % blockWeights === 0 && packed.byteLength === rowBytes(type, out.length),
      'backend/shape',
      () => `${packed.byteLength} bytes do not hold ${out.length} weights of type ${type}`,
    )
    const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
    for (let at = 0, to = 0; to < out.length; at += blockBytes, to += blockWeights) decode(view, at, out, to)
  }
}
