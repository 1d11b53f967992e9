import { packQueries, score, sum } from '../cache/forms'
import { attentionScratch, partials } from '../lib/config'
import { PAGE, TILE } from '../lib/layout'
import { barrier } from '../lib/sync'
import { float, int, rowOf, stepPage, stepSeen, stepSeenEnd, stepTable, word } from './args'
import { clear, merge, stateBytes, weigh } from './state'

/*
 * attend: q 0-1, out 2-3, keys 4, values 5, cache 6, heads 7, kvHeads 8, headDim 9, bytes of a page's keys or values 10, scale 11, form 12
 *
 * A tile is four (token, head) pairs of one text that share a kv head. Positions are taken a page at a time and the pages' results merged
 * in that order: neither how the work is split nor where the pages lie shows in the bits.
 */

// A tile's scratch: queries, scores f32 [4][PAGE], what the cache's form makes of them, then a state.
const SCORES = 0x2800
const WEIGHTS = 0x3000
const STATE = 0x4000
const MERGED = 0x8000

let args: usize = 0
let group: i32 = 0
let cache: i32 = 0
let kvHeads: i32 = 0
let dim: i32 = 0
let form: i32 = 0
// Of the tile at hand: its kv head, the first pair, how many pairs, and its text's page table.
let kvHead: i32 = 0
let firstPair: i32 = 0
let pairs: i32 = 0
let table: i32 = 0
// The positions that hold all that the tile sees.
let lowest: i32 = 0
let highest: i32 = 0

@inline function rowOfPair(pair: i32): i32 { return (firstPair + min(pair, pairs - 1)) / group }
@inline function headOfPair(pair: i32): i32 { return kvHead * group + (firstPair + min(pair, pairs - 1)) % group }

function begin(address: usize): void {
  args = address
  cache = int(args, 6)
  kvHeads = int(args, 8)
  group = int(args, 7) / kvHeads
  dim = int(args, 9)
  form = int(args, 12)
}

/** Sets the tile that starts at `pair`, of those before `end`: up to four pairs, of one text. */
function placeTile(head: i32, pair: i32, end: i32): void {
  const first = pair / group
  kvHead = head
  firstPair = pair
  table = stepTable(cache, first)
  lowest = stepSeen(cache, first)
  highest = stepSeenEnd(cache, first)
  pairs = 1
  for (const most = min(TILE, end - pair); pairs < most; pairs++) {
    const row = (pair + pairs) / group
    if (stepTable(cache, row) != table) break
    lowest = min(lowest, stepSeen(cache, row))
    highest = max(highest, stepSeenEnd(cache, row))
  }
}

/** The tiles of one kv head. */
function countTiles(rows: i32): i32 {
  let count = 0
  for (let pair = 0; pair < rows * group; pair += pairs, count++) placeTile(0, pair, rows * group)
  return count
}

/** Packs the tile's queries, scaled. Missing pairs repeat the last one. */
function pack(): void {
  packQueries(form, query(0), query(1), query(2), query(3), float(args, 11), dim, attentionScratch())
}

@inline function query(pair: i32): usize { return rowOf(args, 0, rowOfPair(pair)) + 4 * headOfPair(pair) * dim }

/**
 * The smallest range of a page's slots that holds all that the tile sees of it, as low · 2^32 + high; 0 if nothing. `start` is the page's
 * first position. The range starts at one of every 32nd slot: sums of so many are made as integers, and must be of the same slots however
 * rows are split.
 */
function reach(start: i32): i64 {
  let low = PAGE, high = 0
  for (let p = 0; p < pairs; p++) {
    const row = rowOfPair(p), a = max(stepSeen(cache, row) - start, 0), b = min(stepSeenEnd(cache, row) - start, PAGE)
    if (a < b) {
      low = min(low, a)
      high = max(high, b)
    }
  }
  return low < high ? (<i64>(low & ~31) << 32) | ((high + 7) & ~7) : 0
}

/** Hides the scores of the positions [low, high) that `row` does not see. */
function mask(scores: usize, low: i32, high: i32, row: i32): void {
  const from = min(stepSeen(cache, row), high), to = max(stepSeenEnd(cache, row), low)
  for (let p = low; p < from; p++) store<f32>(scores + 4 * (p - low), -Infinity)
  for (let p = to; p < high; p++) store<f32>(scores + 4 * (p - low), -Infinity)
}

/** The tile's state over the slots [low, high) of the page that starts at position `start`. */
function attendPage(start: i32, low: i32, high: i32, state: usize): void {
  const queries = attentionScratch(), scores = queries + SCORES, count = high - low
  const page = <usize>stepPage(cache, table + start / PAGE) * word(args, 10)
  score(form, word(args, 4) + page, kvHead, kvHeads, low, count, dim, queries, scores)
  for (let p = 0; p < TILE; p++) mask(scores + 4 * PAGE * p, start + low, start + high, rowOfPair(p))
  weigh(scores, count, state)
  sum(form, word(args, 5) + page, kvHead, kvHeads, low, count, dim, scores, queries + WEIGHTS, state + 32)
}

function finish(state: usize): void {
  for (let p = 0; p < pairs; p++) {
    const total = f32x4.splat(load<f32>(state + 4 * p, 16))
    const out = rowOf(args, 2, rowOfPair(p)) + 4 * headOfPair(p) * dim
    for (let d = 0; d < 4 * dim; d += 16) v128.store(out + d, f32x4.div(v128.load(state + 32 + 4 * p * dim + d), total))
  }
}

function attendTile(): void {
  const state = attentionScratch() + STATE, merged = attentionScratch() + MERGED
  let first = true
  for (let start = lowest & -PAGE; start < highest; start += PAGE) {
    const range = reach(start)
    if (range == 0) continue
    attendPage(start, <i32>(range >> 32), <i32>range, first ? merged : state)
    if (!first) merge(merged, state, dim)
    first = false
  }
  if (first) clear(merged, dim)
  finish(merged)
}

/** All that rows see, for rows [first, last); no thread meets another. */
export function attend(address: usize, first: i32, last: i32): void {
  begin(address)
  for (let h = 0; h < kvHeads; h++) {
    for (let pair = first * group; pair < last * group; pair += pairs) {
      placeTile(h, pair, last * group)
      pack()
      attendTile()
    }
  }
}

/** The same with all threads on the same rows: over tiles, or over pages where tiles are fewer than threads. */
export function attendTogether(address: usize, rows: i32, part: i32, parts: i32): void {
  begin(address)
  if (countTiles(rows) * kvHeads >= parts) attendTiles(rows, part, parts)
  else attendPages(rows, part, parts)
}

function attendTiles(rows: i32, part: i32, parts: i32): void {
  let turn = 0
  for (let h = 0; h < kvHeads; h++) {
    for (let pair = 0; pair < rows * group; pair += pairs) {
      placeTile(h, pair, rows * group)
      if (turn == part) {
        pack()
        attendTile()
      }
      turn = turn + 1 == parts ? 0 : turn + 1
    }
  }
}

function attendPages(rows: i32, part: i32, parts: i32): void {
  const bytes = stateBytes(dim)
  let turn = 0, state = partials()
  for (let h = 0; h < kvHeads; h++) {
    for (let pair = 0; pair < rows * group; pair += pairs) {
      placeTile(h, pair, rows * group)
      pack()
      for (let start = lowest & -PAGE; start < highest; start += PAGE, state += bytes) {
        const range = reach(start)
        if (range == 0) continue
        if (turn == part) attendPage(start, <i32>(range >> 32), <i32>range, state)
        turn = turn + 1 == parts ? 0 : turn + 1
      }
    }
  }
  barrier()
  turn = 0
  state = partials()
  for (let h = 0; h < kvHeads; h++) {
    for (let pair = 0; pair < rows * group; pair += pairs) {
      placeTile(h, pair, rows * group)
      const merged = attentionScratch() + MERGED
      if (turn == part) clear(merged, dim)
      for (let start = lowest & -PAGE; start < highest; start += PAGE, state += bytes) {
        if (turn == part && reach(start) != 0) merge(merged, state, dim)
      }
      if (turn == part) finish(merged)
      turn = turn + 1 == parts ? 0 : turn + 1
    }
  }
}
