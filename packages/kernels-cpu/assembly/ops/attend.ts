import { packFloats, scoreFloats, sumFloats } from '../cache/floats'
import { packShorts, scoreShorts, sumShorts } from '../cache/shorts'
import { attentionScratch, partials } from '../lib/config'
import { exp, expScalar } from '../lib/exp'
import { CHUNK, SHORTS, TILE } from '../lib/layout'
import { madd, maxLanes, sumLanes } from '../lib/simd'
import { barrier } from '../lib/sync'
import { float, int, rowOf, stepSpans, word } from './args'

/*
 * attend: q 0-1, out 2-3, keys 4, values 5, cache 6, heads 7, kvHeads 8, headDim 9, slots 10, scale 11, form 12
 *
 * A tile is four (token, head) pairs that share a kv head. Slots are taken CHUNK at a time, counted from slot 0, and the chunks'
 * results merged in that order: how the work is split never shows in the bits.
 */

// A tile's scratch: queries, scores f32 [4][CHUNK], what the cache's form makes of them, then a state.
const SCORES = 0x2800
const WEIGHTS = 0x3000
const STATE = 0x4000
const MERGED = 0x8000
// A state: max f32[4], sum f32[4], out f32 [4][headDim].
@inline function stateBytes(dim: i32): usize { return 32 + 16 * dim }

let args: usize = 0
let group: i32 = 0
let cache: i32 = 0
let dim: i32 = 0
let slots: i32 = 0
let shorts: bool = false
// Of the tile at hand: its kv head, the first pair, and how many pairs.
let kvHead: i32 = 0
let firstPair: i32 = 0
let pairs: i32 = 0
// The slots that hold all that the tile sees.
let lowest: i32 = 0
let highest: i32 = 0

@inline function rowOfPair(pair: i32): i32 { return (firstPair + min(pair, pairs - 1)) / group }
@inline function headOfPair(pair: i32): i32 { return kvHead * group + (firstPair + min(pair, pairs - 1)) % group }

function begin(address: usize): void {
  args = address
  cache = int(args, 6)
  group = int(args, 7) / int(args, 8)
  dim = int(args, 9)
  slots = int(args, 10)
  shorts = int(args, 12) == SHORTS
}

/** Widens [lowest, highest) by the slots that `row` sees, if the two meet; says whether they did. An empty range meets any. */
function widen(row: i32): bool {
  const spans = stepSpans(cache, row)
  const a0 = load<i32>(spans), a1 = load<i32>(spans, 4), b0 = load<i32>(spans, 8), b1 = load<i32>(spans, 12)
  const low = a0 >= a1 ? b0 : b0 >= b1 ? a0 : min(a0, b0), high = a0 >= a1 ? b1 : b0 >= b1 ? a1 : max(a1, b1)
  if (lowest < highest && (low >= highest || high <= lowest)) return false
  lowest = lowest < highest ? min(lowest, low) : low
  highest = max(highest, high)
  return true
}

/**
 * Sets the tile that starts at `pair`, of those before `end`: up to four pairs, as long as what their rows see meets. Rows of other
 * sequences lie elsewhere in the cache, and would only be masked.
 */
function placeTile(head: i32, pair: i32, end: i32): void {
  kvHead = head
  firstPair = pair
  pairs = 1
  lowest = highest = 0
  widen(pair / group)
  for (const most = min(TILE, end - pair); pairs < most; pairs++) {
    const next = pair + pairs
    if (next % group == 0 && !widen(next / group)) break
  }
}

/** The tiles of one kv head. */
function countTiles(rows: i32): i32 {
  let count = 0
  for (let pair = 0; pair < rows * group; pair += pairs, count++) placeTile(0, pair, rows * group)
  return count
}

/** Packs the tile's queries, scaled. Missing pairs repeat the last one. */
function packQueries(): void {
  const scale = float(args, 11), to = attentionScratch()
  const q0 = query(0), q1 = query(1), q2 = query(2), q3 = query(3)
  if (shorts) packShorts(q0, q1, q2, q3, scale, dim, to)
  else packFloats(q0, q1, q2, q3, scale, dim, to)
}

@inline function query(pair: i32): usize { return rowOf(args, 0, rowOfPair(pair)) + 4 * headOfPair(pair) * dim }

/**
 * The smallest slot range that holds all that the tile sees in [chunk, chunk + CHUNK), as low · 2^32 + high; 0 if none. Its start is
 * one of every 32nd slot: sums of so many are made as integers, and must be of the same slots however rows are split.
 */
function reach(chunk: i32): i64 {
  const end = chunk + CHUNK
  let low = end, high = chunk
  for (let p = 0; p < pairs; p++) {
    const spans = stepSpans(cache, rowOfPair(p))
    for (let s = 0; s < 16; s += 8) {
      const a = max(load<i32>(spans + s), chunk), b = min(load<i32>(spans + s, 4), end)
      if (a < b) {
        low = min(low, a)
        high = max(high, b)
      }
    }
  }
  return low < high ? (<i64>(low & ~31) << 32) | ((high + 7) & ~7) : 0
}

/** Hides the scores [low, high) that `row` does not see. */
function mask(scores: usize, low: i32, high: i32, row: i32): void {
  const spans = stepSpans(cache, row)
  const a0 = load<i32>(spans), a1 = load<i32>(spans, 4), b0 = load<i32>(spans, 8), b1 = load<i32>(spans, 12)
  if ((a0 <= low && high <= a1) || (b0 <= low && high <= b1)) return
  for (let s = low; s < high; s++) {
    if (!((s >= a0 && s < a1) || (s >= b0 && s < b1))) store<f32>(scores + 4 * (s - low), -Infinity)
  }
}

/** The tile's state over one chunk's slots [low, high). */
function attendChunk(low: i32, high: i32, state: usize): void {
  const queries = attentionScratch(), scores = queries + SCORES, weights = queries + WEIGHTS
  const keys = word(args, 4), values = word(args, 5), kvHeads = int(args, 8), count = high - low
  if (shorts) scoreShorts(keys, kvHead, kvHeads, low, count, slots, dim, queries, scores)
  else scoreFloats(keys, kvHead, low, count, slots, dim, queries, scores)
  for (let p = 0; p < TILE; p++) {
    const row = scores + 4 * CHUNK * p
    mask(row, low, high, rowOfPair(p))
    let largest = f32x4.splat(-Infinity)
    for (let s = 0; s < count; s += 4) largest = f32x4.max(largest, v128.load(row + 4 * s))
    const top = maxLanes(largest)
    store<f32>(state + 4 * p, top)
    // A row that sees nothing here keeps -Infinity as its maximum and zero everywhere else.
    const shift = f32x4.splat(top == -Infinity ? 0 : top)
    let sum = f32x4.splat(0)
    for (let s = 0; s < count; s += 4) {
      const e = exp(f32x4.sub(v128.load(row + 4 * s), shift))
      sum = f32x4.add(sum, e)
      v128.store(row + 4 * s, e)
    }
    store<f32>(state + 4 * p, sumLanes(sum), 16)
  }
  if (shorts) sumShorts(values, kvHead, kvHeads, low, count, slots, dim, scores, weights, state + 32)
  else sumFloats(values, kvHead, low, count, slots, dim, scores, weights, state + 32)
}

function clear(state: usize): void {
  memory.fill(state, 0, stateBytes(dim))
  v128.store(state, f32x4.splat(-Infinity))
}

/** Online softmax: `into` becomes the state over both. Exact when one side sees nothing. */
function merge(into: usize, other: usize): void {
  for (let p = 0; p < TILE; p++) {
    const m = load<f32>(into + 4 * p), n = load<f32>(other + 4 * p), top = max(m, n)
    const a: f32 = m == top ? 1 : expScalar(m - top), b: f32 = n == top ? 1 : expScalar(n - top)
    store<f32>(into + 4 * p, top)
    store<f32>(into + 4 * p, load<f32>(into + 4 * p, 16) * a + load<f32>(other + 4 * p, 16) * b, 16)
    const x = f32x4.splat(a), y = f32x4.splat(b)
    for (let at: usize = 32 + 4 * p * dim, end = at + 4 * dim; at < end; at += 16) {
      v128.store(into + at, madd(v128.load(into + at), x, f32x4.mul(v128.load(other + at), y)))
    }
  }
}

function finish(state: usize): void {
  for (let p = 0; p < pairs; p++) {
    const sum = f32x4.splat(load<f32>(state + 4 * p, 16))
    const out = rowOf(args, 2, rowOfPair(p)) + 4 * headOfPair(p) * dim
    for (let d = 0; d < 4 * dim; d += 16) v128.store(out + d, f32x4.div(v128.load(state + 32 + 4 * p * dim + d), sum))
  }
}

function attendTile(): void {
  const state = attentionScratch() + STATE, merged = attentionScratch() + MERGED
  let first = true
  for (let chunk = lowest & -CHUNK; chunk < highest; chunk += CHUNK) {
    const range = reach(chunk)
    if (range == 0) continue
    attendChunk(<i32>(range >> 32), <i32>range, first ? merged : state)
    if (!first) merge(merged, state)
    first = false
  }
  if (first) clear(merged)
  finish(merged)
}

/** All slots for rows [first, last); no thread meets another. */
export function attend(address: usize, first: i32, last: i32): void {
  begin(address)
  for (let h = 0; h < int(args, 8); h++) {
    for (let pair = first * group; pair < last * group; pair += pairs) {
      placeTile(h, pair, last * group)
      packQueries()
      attendTile()
    }
  }
}

/** The same with all threads on the same rows: over tiles, or over chunks where tiles are fewer than threads. */
export function attendTogether(address: usize, rows: i32, part: i32, parts: i32): void {
  begin(address)
  const heads = int(args, 8)
  if (countTiles(rows) * heads >= parts) attendTiles(rows, part, parts)
  else attendChunks(rows, part, parts)
}

function attendTiles(rows: i32, part: i32, parts: i32): void {
  let turn = 0
  for (let h = 0; h < int(args, 8); h++) {
    for (let pair = 0; pair < rows * group; pair += pairs) {
      placeTile(h, pair, rows * group)
      if (turn == part) {
        packQueries()
        attendTile()
      }
      turn = turn + 1 == parts ? 0 : turn + 1
    }
  }
}

function attendChunks(rows: i32, part: i32, parts: i32): void {
  const bytes = stateBytes(dim), heads = int(args, 8)
  let turn = 0, state = partials()
  for (let h = 0; h < heads; h++) {
    for (let pair = 0; pair < rows * group; pair += pairs) {
      placeTile(h, pair, rows * group)
      packQueries()
      for (let chunk = lowest & -CHUNK; chunk < highest; chunk += CHUNK, state += bytes) {
        const range = reach(chunk)
        if (range == 0) continue
        if (turn == part) attendChunk(<i32>(range >> 32), <i32>range, state)
        turn = turn + 1 == parts ? 0 : turn + 1
      }
    }
  }
  barrier()
  turn = 0
  state = partials()
  for (let h = 0; h < heads; h++) {
    for (let pair = 0; pair < rows * group; pair += pairs) {
      placeTile(h, pair, rows * group)
      const merged = attentionScratch() + MERGED
      if (turn == part) clear(merged)
      for (let chunk = lowest & -CHUNK; chunk < highest; chunk += CHUNK, state += bytes) {
        if (turn == part && reach(chunk) != 0) merge(merged, state)
      }
      if (turn == part) finish(merged)
      turn = turn + 1 == parts ? 0 : turn + 1
    }
  }
}
