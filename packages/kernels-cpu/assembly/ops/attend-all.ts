import { packQueries, score, storeKey, storeValue, sum } from '../cache/forms'
import { attentionScratch } from '../lib/config'
import { PAGE, TILE } from '../lib/layout'
import { float, int, rowOf, stepRows, word } from './args'
import { clear, merge, stateBytes, weigh } from './state'

/*
 * Attention of every row to every row, in two ops. `storeAll` packs keys and values into pages as `cache/` has them, so that no matrix
 * of scores is ever whole; then `attendAll` takes a block of rows through a page at a time, which stays in the nearest caches meanwhile.
 * A head's numbers are padded to a multiple of 8. Bits depend on the row and the pages alone, not on blocks, tickets or threads.
 */

// Thread's scratch: scores f32 [4][PAGE], what the form makes of them, the state of a page; a vector of a head and one of zeros in
// its place; then for each tile of the block its packed queries and its state.
const WEIGHTS = 0x800
const PAGE_STATE = 0x1800
const VECTORS = 0x3900
const TILES = 0x5900
const ROOM = 0x10000 - TILES
/** More would not make pages stay any longer. */
const MOST_TILES = 16

@inline function padded(dim: i32): i32 { return (dim + 7) & ~7 }
/** Of packed queries in either form. */
@inline function queryBytes(dim: i32): usize { return 16 * dim + 16 }

/** A head's vector, or at slots past the last row zeros: where it lies if it is whole, or a copy. `copy`: zeros past `dim`. */
@inline function vectorOf(from: usize, dim: i32, copy: usize): usize {
  if (dim == padded(dim)) return from
  memory.copy(copy, from, 4 * dim)
  return copy
}

/** storeAll: k 0-1, v 2-3, keys 4, values 5, heads 6, headDim 7, bytes of a page's keys or values 8, form 9 */
export function storeAll(args: usize, first: i32, last: i32): void {
  const heads = int(args, 6), dim = int(args, 7), whole = padded(dim), form = int(args, 9)
  const copy = attentionScratch() + VECTORS, zeros = copy + 4 * whole, rows = stepRows()
  memory.fill(copy, 0, 8 * whole)
  // Scores are computed eight slots at a time: those past the last row must be numbers, too.
  const end = last == rows ? (rows + 7) & ~7 : last
  for (let r = first; r < end; r++) {
    const page = <usize>(r / PAGE) * word(args, 8)
    for (let h = 0; h < heads; h++) {
      const k = r < rows ? vectorOf(rowOf(args, 0, r) + 4 * h * dim, dim, copy) : zeros
      storeKey(form, k, word(args, 4) + page, h, heads, r % PAGE, whole)
      const v = r < rows ? vectorOf(rowOf(args, 2, r) + 4 * h * dim, dim, copy) : zeros
      storeValue(form, v, word(args, 5) + page, h, heads, r % PAGE, whole)
    }
  }
}

/** attendAll: q 0-1, out 2-3, then as storeAll's, and scale 10 */
export function attendAll(args: usize, first: i32, last: i32): void {
  const dim = padded(int(args, 7)), bytes = queryBytes(dim) + stateBytes(dim)
  const block = TILE * min(MOST_TILES, ROOM / <i32>bytes)
  for (let h = 0, heads = int(args, 6); h < heads; h++) {
    for (let r = first; r < last; r += block) attendBlock(args, h, r, min(r + block, last), bytes)
  }
}

/** One head of rows [first, last). `bytes`: of a tile. */
function attendBlock(args: usize, head: i32, first: i32, last: i32, bytes: usize): void {
  const dim = padded(int(args, 7)), tiles = attentionScratch() + TILES
  for (let r = first, tile = tiles; r < last; r += TILE, tile += bytes) {
    packTile(args, head, r, last, dim, tile)
    clear(tile + queryBytes(dim), dim)
  }
  for (let start = 0, rows = stepRows(); start < rows; start += PAGE) {
    const count = min(PAGE, rows - start)
    for (let r = first, tile = tiles; r < last; r += TILE, tile += bytes) attendPage(args, head, start / PAGE, count, dim, tile)
  }
  for (let r = first, tile = tiles; r < last; r += TILE, tile += bytes) finish(args, head, r, last, dim, tile + queryBytes(dim))
}

/** Four queries from row `r` on; the last one stands for those that are missing. */
function packTile(args: usize, head: i32, r: i32, last: i32, whole: i32, tile: usize): void {
  const dim = int(args, 7), copies = attentionScratch() + VECTORS
  if (dim != whole) memory.fill(copies, 0, 4 * TILE * whole)
  packQueries(
    int(args, 9),
    vectorOf(query(args, head, r, last), dim, copies),
    vectorOf(query(args, head, r + 1, last), dim, copies + 4 * whole),
    vectorOf(query(args, head, r + 2, last), dim, copies + 8 * whole),
    vectorOf(query(args, head, r + 3, last), dim, copies + 12 * whole),
    float(args, 10), whole, tile,
  )
}

@inline function query(args: usize, head: i32, r: i32, last: i32): usize {
  return rowOf(args, 0, min(r, last - 1)) + 4 * head * int(args, 7)
}

/** Adds the first `count` slots of a page to a tile's state. */
function attendPage(args: usize, head: i32, page: i32, count: i32, dim: i32, tile: usize): void {
  const scratch = attentionScratch(), state = scratch + PAGE_STATE, heads = int(args, 6), form = int(args, 9)
  const at = <usize>page * word(args, 8), slots = (count + 7) & ~7
  score(form, word(args, 4) + at, head, heads, 0, slots, dim, tile, scratch)
  for (let p = 0; p < TILE; p++) {
    for (let s = count; s < slots; s++) store<f32>(scratch + 4 * (PAGE * p + s), -Infinity)
  }
  weigh(scratch, slots, state)
  sum(form, word(args, 5) + at, head, heads, 0, slots, dim, scratch, scratch + WEIGHTS, state + 32)
  merge(tile + queryBytes(dim), state, dim)
}

function finish(args: usize, head: i32, first: i32, last: i32, whole: i32, state: usize): void {
  const dim = int(args, 7)
  for (let p = 0, rows = min(TILE, last - first); p < rows; p++) {
    const total = f32x4.splat(load<f32>(state + 4 * p, 16)), from = state + 32 + 4 * p * whole
    const out = rowOf(args, 2, first + p) + 4 * head * dim
    for (let d = 0; d < 4 * dim; d += 16) v128.store(out + d, f32x4.div(v128.load(from + d), total))
  }
}
