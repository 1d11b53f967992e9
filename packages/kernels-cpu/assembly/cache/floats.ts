import { CHUNK, TILE } from '../lib/layout'
import { gemm32x4 } from '../matrix/gemm32'

/*
 * Keys and values as f32, for `exact`: keys [kvHeads][slots/8][dim][8], values [kvHeads][slots/CHUNK][dim/8][CHUNK][8], panels of
 * `gemm32` both.
 * A tile's queries: f32 [dim][4].
 */

export function storeFloats(k: usize, v: usize, keys: usize, values: usize, head: i32, slot: i32, slots: i32, dim: i32): void {
  const base = <usize>head * slots * dim * 4
  let to = keys + base + <usize>(slot >> 3) * dim * 32 + 4 * (slot & 7)
  for (let d = 0; d < dim; d++, k += 4, to += 32) store<f32>(to, load<f32>(k))
  to = values + base + 4 * ((slot & -CHUNK) * dim + (slot & (CHUNK - 1)) * 8)
  for (let d = 0; d < dim; d += 8, v += 32, to += 32 * CHUNK) {
    v128.store(to, v128.load(v))
    v128.store(to, v128.load(v, 16), 16)
  }
}

/** Queries of a tile, times `scale`. */
export function packFloats(q0: usize, q1: usize, q2: usize, q3: usize, scale: f32, dim: i32, tile: usize): void {
  for (let d = 0; d < 4 * dim; d += 4, tile += 16) {
    store<f32>(tile, load<f32>(q0 + d) * scale)
    store<f32>(tile, load<f32>(q1 + d) * scale, 4)
    store<f32>(tile, load<f32>(q2 + d) * scale, 8)
    store<f32>(tile, load<f32>(q3 + d) * scale, 12)
  }
}

/** scores f32 [4][CHUNK] of the slots [low, low + count) */
export function scoreFloats(keys: usize, head: i32, low: i32, count: i32, slots: i32, dim: i32, tile: usize, scores: usize): void {
  let block = keys + (<usize>head * slots + low) * dim * 4
  for (let s = 0; s < count; s += 8, block += 32 * dim) gemm32x4(block, tile, dim, scores + 4 * s, 4 * CHUNK)
}

/** out f32 [4][dim] = Σ over [low, low + count), within a chunk, of weights f32 [4][CHUNK] · values. `scratch`: 16 bytes a slot. */
export function sumFloats(
  values: usize, head: i32, low: i32, count: i32, slots: i32, dim: i32, weights: usize, scratch: usize, out: usize,
): void {
  for (let p = 0; p < TILE; p++) {
    const from = weights + 4 * CHUNK * p, to = scratch + 4 * p
    for (let s = 0; s < count; s++) store<f32>(to + 16 * s, load<f32>(from + 4 * s))
  }
  let block = values + 4 * (<usize>(head * slots + (low & -CHUNK)) * dim + (low & (CHUNK - 1)) * 8)
  for (let d = 0; d < dim; d += 8, block += 32 * CHUNK) gemm32x4(block, scratch, count, out + 4 * d, 4 * dim)
}
