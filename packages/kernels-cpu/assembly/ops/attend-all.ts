import { addProducts32, Adds, products16, products32, Sets } from '../images/products'
import {
  keyScales, LANES, packFloats, packKeys, packPairs, packValues, pageBytes, panelBytes, SLOTS, valueScales, valuesOf,
} from '../images/pages'
import { beginState, raise, stateBytes, sumsOf, weigh16, weigh32 } from '../images/softmax'
import { attentionScratch } from '../lib/config'
import { FLOATS } from '../lib/layout'
import { lane0, lane1, lane2, lane3 } from '../lib/simd'
import { float, int, rowOf, stepRows, word } from './args'

/*
 * Attention of every row to every row, in two ops. `storeAll` packs keys and values into pages, so that no matrix of scores is ever
 * whole; then `attendAll` takes a block of rows through a head's pages, each of which stays in the nearest cache meanwhile. Bits depend on
 * the row and the pages alone, not on blocks, tickets or threads.
 */

// Thread's scratch: scores f32 [SLOTS][LANES], then what becomes of them, then for LANES rows at a time their queries and state.
const WEIGHTS = 0x800
const TILES = 0x1000
const ROOM = 0x10000 - TILES
/** Rows of a block at most: more would not make pages stay any longer. */
const MOST_ROWS = 128
const LOG2_E: f32 = 1.4426950408889634

@inline function pageOf(args: usize, row: i32, head: i32): usize {
  return word(args, 4) + <usize>(row / SLOTS) * word(args, 5) + <usize>head * pageBytes(int(args, 8), int(args, 7))
}

/** storeAll: k 0-1, v 2-3, pages 4-5, heads 6, headDim 7, form 8. Of rows [first, last) it packs the pages that begin there. */
export function storeAll(args: usize, first: i32, last: i32): void {
  const dim = int(args, 7), form = int(args, 8), rows = stepRows(), zeros = attentionScratch()
  memory.fill(zeros, 0, 4 * dim)
  for (let r = (first + SLOTS - 1) / SLOTS * SLOTS; r < last; r += SLOTS) {
    const count = min(SLOTS, rows - r)
    for (let h = 0, heads = int(args, 6); h < heads; h++) {
      const page = pageOf(args, r, h), offset = 4 * h * dim
      packKeys(form, rowOf(args, 0, r) + offset, word(args, 1), count, dim, page, zeros)
      packValues(form, rowOf(args, 2, r) + offset, word(args, 3), count, dim, page)
    }
  }
}

/** attendAll: q 0-1, out 2-3, then as storeAll's, and scale 9 */
export function attendAll(args: usize, first: i32, last: i32): void {
  const dim = int(args, 7), bytes = panelBytes(int(args, 8), dim) + stateBytes(dim)
  const block = LANES * min(MOST_ROWS / LANES, ROOM / <i32>bytes)
  for (let h = 0, heads = int(args, 6); h < heads; h++) {
    for (let r = first; r < last; r += block) attendBlock(args, h, r, min(r + block, last), bytes)
  }
}

/** One head of rows [first, last). `bytes`: of LANES rows. */
function attendBlock(args: usize, head: i32, first: i32, last: i32, bytes: usize): void {
  const dim = int(args, 7), form = int(args, 8), tiles = attentionScratch() + TILES, queries = panelBytes(form, dim)
  for (let r = first, tile = tiles; r < last; r += LANES, tile += bytes) begin(args, head, r, last, tile, tile + queries)
  for (let start = 0, rows = stepRows(); start < rows; start += SLOTS) {
    const count = min(SLOTS, rows - start), page = pageOf(args, start, head)
    for (let r = first, tile = tiles; r < last; r += LANES, tile += bytes) {
      if (form == FLOATS) attendFloats(page, count, dim, tile, tile + queries)
      else attendShorts(page, count, dim, tile, tile + queries)
    }
  }
  for (let r = first, tile = tiles; r < last; r += LANES, tile += bytes) finish(args, head, r, last, tile + queries)
}

/** Packs the queries from row `r` on; the last one stands for those that are missing. */
function begin(args: usize, head: i32, r: i32, last: i32, panel: usize, state: usize): void {
  const dim = int(args, 7), offset = 4 * head * dim
  let f0 = f32x4.splat(1), f1 = f0
  for (let half = 0; half < 2; half++) {
    const s = r + 4 * half, to = panel + 16 * half
    const x0 = query(args, s, last) + offset, x1 = query(args, s + 1, last) + offset
    const x2 = query(args, s + 2, last) + offset, x3 = query(args, s + 3, last) + offset
    if (int(args, 8) == FLOATS) packFloats(x0, x1, x2, x3, dim, to, LANES)
    else {
      const steps = packPairs(x0, x1, x2, x3, dim, to, LANES)
      if (half == 0) f0 = steps
      else f1 = steps
    }
  }
  const scale = f32x4.splat(float(args, 9) * LOG2_E)
  beginState(state, f32x4.mul(f0, scale), f32x4.mul(f1, scale), dim)
}

@inline function query(args: usize, r: i32, last: i32): usize { return rowOf(args, 0, min(r, last - 1)) }

/** Adds the first `count` slots of a page to a state. */
function attendShorts(page: usize, count: i32, dim: i32, queries: usize, state: usize): void {
  const scores = attentionScratch(), weights = scores + WEIGHTS
  products16<Sets>(queries, page, dim / 2, SLOTS, keyScales(page, dim), scores)
  raise(scores, count, state, dim)
  weigh16(scores, weights, state)
  products16<Adds>(weights, valuesOf(1, page, dim), SLOTS / 2, dim, valueScales(page, dim), sumsOf(state))
}

function attendFloats(page: usize, count: i32, dim: i32, queries: usize, state: usize): void {
  const scores = attentionScratch(), room = scores + WEIGHTS
  products32(queries, page, dim, SLOTS, scores)
  raise(scores, count, state, dim)
  weigh32(scores, state)
  addProducts32(scores, valuesOf(FLOATS, page, dim), SLOTS, dim, sumsOf(state), room)
}

function finish(args: usize, head: i32, first: i32, last: i32, state: usize): void {
  const dim = int(args, 7)
  for (let half = 0; half < 2; half++) {
    const r = first + 4 * half, part = state + 16 * half, total = v128.load(part, 64)
    for (let d = 0, at = sumsOf(part); d < dim; d += 4, at += 16 * LANES) {
      const a = f32x4.div(v128.load(at), total), b = f32x4.div(v128.load(at, 4 * LANES), total)
      const c = f32x4.div(v128.load(at, 8 * LANES), total), e = f32x4.div(v128.load(at, 12 * LANES), total)
      const offset = 4 * (head * dim + d)
      if (r < last) v128.store(rowOf(args, 2, r) + offset, lane0(a, b, c, e))
      if (r + 1 < last) v128.store(rowOf(args, 2, r + 1) + offset, lane1(a, b, c, e))
      if (r + 2 < last) v128.store(rowOf(args, 2, r + 2) + offset, lane2(a, b, c, e))
      if (r + 3 < last) v128.store(rowOf(args, 2, r + 3) + offset, lane3(a, b, c, e))
    }
  }
}
