import { BLOCKS, check, toHalf, type PackedTensor, type StoredTensor } from '@g3/backend'
import { recoded } from './recoded.js'

/** What weights can be packed into while they load. */
export type LoadType = 'Q8_0' | 'Q4_0'

/** Writes the block of the 32 weights from `from` on at byte `at`. */
type EncodeBlock = (values: Float32Array, from: number, block: DataView, at: number) => void

const ENCODERS = { Q8_0: encodeQ8_0, Q4_0: encodeQ4_0 } as const satisfies Record<LoadType, EncodeBlock>

/** Weights in a block of either type. */
const BLOCK = 32

/** The largest f16: weights of trained models are far below, and block scales stay finite. */
const LARGEST = 65_504

/**
 * A tensor packed into another type as it is read, with the bits that ggml's reference quantisers
 * (`quantize_row_q8_0_ref`, `quantize_row_q4_0_ref`) make of its values.
 * @throws G3Error `quantise/type` for any other type, `quantise/shape` unless rows are whole blocks of 32; reading
 * throws `quantise/bad-weight` for weights that are no numbers or past f16
 */
export function quantised(tensor: StoredTensor, type: LoadType): PackedTensor {
  const { name, cols } = tensor
  check(
    Object.hasOwn(ENCODERS, type),
    'quantise/type',
    () => `weights cannot be packed into ${type}; Q8_0 and Q4_0 are supported`,
  )
  check(
    cols % BLOCK === 0,
    'quantise/shape',
    () => `${name} has rows of ${cols} weights, ${type} needs multiples of 32`,
  )
  const encode: EncodeBlock = ENCODERS[type]
  const { blockBytes } = BLOCKS[type]
  return recoded(tensor, type, (values, packed) => {
    check(
      allFit(values),
      'quantise/bad-weight',
      () => `${name} holds weights that are no numbers or past ${LARGEST}: it is damaged`,
    )
    const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
    for (let from = 0, at = 0; from < values.length; from += BLOCK, at += blockBytes) encode(values, from, view, at)
  })
}

function allFit(values: Float32Array): boolean {
  for (let i = 0; i < values.length; i++) if (!(Math.abs(values[i]) <= LARGEST)) return false
  return true
}

/** value ≈ d · q with d = largest / 127, q rounded to nearest, halves away from zero. All steps are in f32, as in C. */
function encodeQ8_0(values: Float32Array, from: number, block: DataView, at: number): void {
  let largest = 0
  for (let i = from; i < from + BLOCK; i++) {
    const size = Math.abs(values[i])
    if (size > largest) largest = size
  }
  const d = Math.fround(largest / 127)
  const inverse = inverseOf(d)
  block.setUint16(at, toHalf(d), true)
  for (let i = 0; i < BLOCK; i++) {
    const scaled = Math.fround(values[from + i] * inverse)
    block.setInt8(at + 2 + i, (scaled + (scaled < 0 ? -0.5 : 0.5)) | 0)
  }
}

/**
 * value ≈ d · (q − 8) with d = extreme / −8, so that the value furthest from zero (the first of equals) is met exactly.
 * Byte j holds q of element j (low nibble) and of element j + 16.
 */
function encodeQ4_0(values: Float32Array, from: number, block: DataView, at: number): void {
  let extreme = 0
  for (let i = from; i < from + BLOCK; i++) if (Math.abs(values[i]) > Math.abs(extreme)) extreme = values[i]
  const d = Math.fround(extreme / -8)
  const inverse = inverseOf(d)
  block.setUint16(at, toHalf(d), true)
  const level = (i: number): number => Math.min(15, Math.trunc(Math.fround(Math.fround(values[i] * inverse) + 8.5)))
  for (let j = 0; j < BLOCK / 2; j++) block.setUint8(at + 2 + j, level(from + j) | (level(from + j + 16) << 4))
}

/** 0 where a block holds nothing, or what is too small for an f32 to invert: its scale is 0 in f16 then. */
function inverseOf(d: number): number {
  const inverse = d === 0 ? 0 : Math.fround(1 / d)
  return Number.isFinite(inverse) ? inverse : 0
}
