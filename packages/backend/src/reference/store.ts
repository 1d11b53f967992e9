import type { CacheType } from '../contract.js'
import { fromHalf, toHalf } from '../half.js'
import type { LayerCache, Matrix } from './matrix.js'

/** Numbers that share a scale in q8_0. */
const BLOCK = 32

/** key[slots[r]] = k[r]; value[slots[r]] = v[r] */
export function store(
  rows: number,
  k: Matrix,
  v: Matrix,
  slots: Int32Array,
  { keys, values }: LayerCache,
  type: CacheType,
): void {
  for (let r = 0; r < rows; r++) {
    put(k.values.subarray(r * k.cols, (r + 1) * k.cols), keys, slots[r], type)
    put(v.values.subarray(r * v.cols, (r + 1) * v.cols), values, slots[r], type)
  }
}

/** Holds a slot's numbers as the cache's type does. f16 asks for 11 significant bits at least: f32 has them. */
export function put(numbers: Float32Array, into: Matrix, slot: number, type: CacheType): void {
  const held = into.values.subarray(slot * into.cols, (slot + 1) * into.cols)
  held.set(numbers)
  if (type !== 'q8_0') return
  for (let at = 0; at < held.length; at += BLOCK) roundBlock(held.subarray(at, at + BLOCK))
}

/** ggml's `quantize_row_q8_0_ref`: levels by the exact scale, which is then held as f16. */
function roundBlock(block: Float32Array): void {
  const scale = Math.fround(block.reduce((most, value) => Math.max(most, Math.abs(value)), 0) / 127)
  // Smaller ones have no inverse, and vanish in f16 anyway.
  const inverse = scale < 2 ** -126 ? 0 : Math.fround(1 / scale)
  const held = fromHalf(toHalf(scale))
  for (const [i, value] of block.entries()) {
    const level = Math.fround(value * inverse)
    block[i] = Math.sign(level) * Math.round(Math.abs(level)) * held
  }
}
