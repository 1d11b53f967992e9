import { PAGE, TILE } from '../lib/layout'
import { gemm32x4 } from '../matrix/gemm32'

/*
 * Keys and values as f32. A page's keys [kvHeads][PAGE/8][dim][8] and values [kvHeads][dim/8][PAGE][8] are panels of `gemm32`.
 * A tile's queries: f32 [dim][4].
 */

@inline function keyOf(page: usize, head: i32, slot: i32, dim: i32): usize {
  return page + 4 * (<usize>(head * PAGE + (slot & ~7)) * dim + (slot & 7))
}

export function storeKeyFloats(k: usize, page: usize, head: i32, slot: i32, dim: i32): void {
  for (let d = 0, to = keyOf(page, head, slot, dim); d < dim; d++, k += 4, to += 32) store<f32>(to, load<f32>(k))
}

export function storeValueFloats(v: usize, page: usize, head: i32, slot: i32, dim: i32): void {
  let to = page + 4 * (<usize>(head * PAGE) * dim + slot * 8)
  for (let d = 0; d < dim; d += 8, v += 32, to += 32 * PAGE) {
    v128.store(to, v128.load(v))
    v128.store(to, v128.load(v, 16), 16)
  }
}

export function loadKeyFloats(page: usize, head: i32, slot: i32, dim: i32, k: usize): void {
  for (let d = 0, from = keyOf(page, head, slot, dim); d < dim; d++, k += 4, from += 32) store<f32>(k, load<f32>(from))
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

/** scores f32 [4][PAGE] of a page's slots [low, low + count) */
export function scoreFloats(page: usize, head: i32, low: i32, count: i32, dim: i32, tile: usize, scores: usize): void {
  let block = keyOf(page, head, low, dim)
  for (let s = 0; s < count; s += 8, block += 32 * dim) gemm32x4(block, tile, dim, scores + 4 * s, 4 * PAGE)
}

/** out f32 [4][dim] = Σ over a page's slots [low, low + count) of weights f32 [4][PAGE] · values. `scratch`: 16 bytes a slot. */
export function sumFloats(page: usize, head: i32, low: i32, count: i32, dim: i32, weights: usize, scratch: usize, out: usize): void {
  for (let p = 0; p < TILE; p++) {
    const from = weights + 4 * PAGE * p, to = scratch + 4 * p
    for (let s = 0; s < count; s++) store<f32>(to + 16 * s, load<f32>(from + 4 * s))
  }
  let block = page + 4 * (<usize>(head * PAGE) * dim + low * 8)
  for (let d = 0; d < dim; d += 8, block += 32 * PAGE) gemm32x4(block, scratch, count, out + 4 * d, 4 * dim)
}
