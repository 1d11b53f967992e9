import { BYTES, FLOATS, SHORTS } from '../lib/layout'
import { loadKeyBytes, scoreBytes, storeKeyBytes, storeValueBytes, sumBytes } from './bytes'
import { loadKeyFloats, packFloats, scoreFloats, storeKeyFloats, storeValueFloats, sumFloats } from './floats'
import { loadKeyShorts, packShorts, scoreShorts, storeKeyShorts, storeValueShorts, sumShorts } from './shorts'

/*
 * What the ops do with keys and values, whatever their form. `page` is the address of a page's keys, or of its values; slots are counted
 * within it.
 */

export function storeKey(form: i32, k: usize, page: usize, head: i32, kvHeads: i32, slot: i32, dim: i32): void {
  if (form == SHORTS) storeKeyShorts(k, page, head, kvHeads, slot, dim)
  else if (form == BYTES) storeKeyBytes(k, page, head, kvHeads, slot, dim)
  else storeKeyFloats(k, page, head, slot, dim)
}

export function storeValue(form: i32, v: usize, page: usize, head: i32, kvHeads: i32, slot: i32, dim: i32): void {
  if (form == SHORTS) storeValueShorts(v, page, head, kvHeads, slot, dim)
  else if (form == BYTES) storeValueBytes(v, page, head, kvHeads, slot, dim)
  else storeValueFloats(v, page, head, slot, dim)
}

/** A key as f32 [dim]. */
export function loadKey(form: i32, page: usize, head: i32, kvHeads: i32, slot: i32, dim: i32, k: usize): void {
  if (form == SHORTS) loadKeyShorts(page, head, kvHeads, slot, dim, k)
  else if (form == BYTES) loadKeyBytes(page, head, kvHeads, slot, dim, k)
  else loadKeyFloats(page, head, slot, dim, k)
}

/** Four queries, times `scale`, as scores want them. */
export function packQueries(form: i32, q0: usize, q1: usize, q2: usize, q3: usize, scale: f32, dim: i32, tile: usize): void {
  if (form == FLOATS) packFloats(q0, q1, q2, q3, scale, dim, tile)
  else packShorts(q0, q1, q2, q3, scale, dim, tile)
}

/** scores f32 [4][PAGE] of the slots [low, low + count) */
export function score(form: i32, page: usize, head: i32, kvHeads: i32, low: i32, count: i32, dim: i32, tile: usize, scores: usize): void {
  if (form == SHORTS) scoreShorts(page, head, kvHeads, low, count, dim, tile, scores)
  else if (form == BYTES) scoreBytes(page, head, kvHeads, low, count, dim, tile, scores)
  else scoreFloats(page, head, low, count, dim, tile, scores)
}

/** out f32 [4][dim] = Σ over the slots [low, low + count) of weights f32 [4][PAGE] · values. `scratch`: 4 KiB. */
export function sum(
  form: i32, page: usize, head: i32, kvHeads: i32, low: i32, count: i32, dim: i32, weights: usize, scratch: usize, out: usize,
): void {
  if (form == SHORTS) sumShorts(page, head, kvHeads, low, count, dim, weights, scratch, out)
  else if (form == BYTES) sumBytes(page, head, kvHeads, low, count, dim, weights, scratch, out)
  else sumFloats(page, head, low, count, dim, weights, scratch, out)
}
