import { attentionScratch, panelScratch, precision, quads, tileScratch } from '../lib/config'
import {
  BLOCK, GROUP, lineBytes, matrixCols, matrixGroup, matrixRows, Pairs, Q8_0, Quads, TILE, tile16Bytes,
} from '../lib/layout'
import { maxLanes } from '../lib/simd'
import { thread } from '../lib/sync'
import { gemm8x4 } from '../matrix/gemm8'
import { line16, pack16 } from '../matrix/pack'
import { row16 } from '../matrix/row'
import { boundBytes, errorBound, MOST_COLUMNS, rowBounds } from './bounds'
import { Halves, HALVES_ERRORS, HALVES_TILE, packHalves, unpackHalves } from './halves'
import { clear, offer, offerGroup, smallest } from './ranking'

/*
 * The largest logits of several rows without all logits. First every logit is computed by halves of a Q8_0 matrix, with
 * a bound on the error (`halves.ts`, `bounds.ts`). The groups of 8 that hold the `count` largest of these are computed
 * as the plain head does, by operations that give a token the same bits: `count` logits are then known to reach some
 * bar. Groups that cannot reach it, by the bound, are out; the few that are left are computed in their order.
 *
 * A matrix has memory for this (`src/screen.ts`): for each thread the groups [first, last) whose bounds it has, then
 * for each group the ceiling of its logits, f32 [8 tokens], in units of the tokens' scales; then the bounds.
 */

/** Most rows at a time, and the fewest for which it is faster than the plain head. */
export const SCREEN_ROWS = 8
const FEWEST_ROWS = 3
const THREADS = 64
/** One group in so many may be left: each costs more than in the plain head, and the screen has cost half of that. */
const MOST_LEFT = 4

/** Whether `rows` can be screened. `space`: the memory that a matrix of Q8_0 has for it, or 0. */
export function canScreen(matrix: usize, rows: i32, space: usize): bool {
  // The plain build has no int8 products, and f32 activations have no integers.
  if (!ASC_FEATURE_RELAXED_SIMD || precision() == 2) return false
  return space != 0 && rows >= FEWEST_ROWS && matrixCols(matrix) <= MOST_COLUMNS
}

// What lies in this thread's scratch, for two tiles: tiles of i16, of halves, and the halves' errors; then lines of i16.
@inline function shortsOf(i: i32, cols: i32): usize { return tileScratch() + <usize>i * tile16Bytes(cols) }
@inline function halvesOf(i: i32, cols: i32): usize {
  return shortsOf(2, cols) + <usize>(i * (cols / BLOCK)) * HALVES_TILE
}
@inline function errorsOf(i: i32, cols: i32): usize {
  return halvesOf(2, cols) + <usize>(i * (cols / BLOCK)) * HALVES_ERRORS
}
@inline function scaleOf(t: i32, cols: i32): usize { return shortsOf(t / TILE, cols) + 9 * cols + 4 * (t % TILE) }

@inline function lineOf(t: i32, cols: i32): usize { return errorsOf(2, cols) + <usize>t * lineBytes(tile16Bytes(cols)) }

@inline function ceilingsOf(space: usize, group: i32): usize { return space + 8 * THREADS + 4 * SCREEN_ROWS * group }

/**
 * As `rankPlainly`, for up to {@link SCREEN_ROWS} rows. Returns false, having ranked nothing, where the bound leaves
 * too many groups, as it does where logits are equal, and where a row of x is not of finite numbers.
 */
export function rankScreened(
  matrix: usize, begin: i32, end: i32, limit: i32, x: usize, stride: usize, rows: i32,
  ranking: usize, rankingStride: usize, count: i32, space: usize,
): bool {
  const cols = matrixCols(matrix)
  for (let i = 0; TILE * i < rows; i++) {
    pack16(x + <usize>(TILE * i) * stride, stride, min(TILE, rows - TILE * i), cols, shortsOf(i, cols))
  }
  for (let t = 0; t < rows; t++) {
    line16(x + <usize>t * stride, cols, lineOf(t, cols))
    if (!(load<f32>(scaleOf(t, cols)) < Infinity)) return false
  }
  if (quads()) screen<Quads>(matrix, begin, end, limit, rows, count, space)
  else screen<Pairs>(matrix, begin, end, limit, rows, count, space)

  let left = 0
  for (let t = 0; t < rows; t++) {
    const bar = barOf(matrix, t, limit, ranking, count)
    store<f32>(bars() + 4 * t, bar)
    const scale = load<f32>(scaleOf(t, cols))
    for (let g = begin; g < end; g++) left += <i32>(load<f32>(ceilingsOf(space, g) + 4 * t) * scale >= bar)
  }
  if (MOST_LEFT * left > rows * (end - begin)) return false

  for (let t = 0; t < rows; t++) clear(ranking + <usize>t * rankingStride, count)
  for (let g = begin; g < end; g++) {
    for (let t = 0; t < rows; t++) {
      // Rounding keeps the order: no logit of the group exceeds this product.
      if (load<f32>(ceilingsOf(space, g) + 4 * t) * load<f32>(scaleOf(t, cols)) < load<f32>(bars() + 4 * t)) continue
      compute(matrix, g, t)
      offerGroup(ranking + <usize>t * rankingStride, count, GROUP * g, limit, results())
    }
  }
  return true
}

// In attention's scratch: results of a tile [4][8], the tokens' bars, and the groups that hold the likeliest.
@inline function results(): usize { return attentionScratch() }
@inline function bars(): usize { return attentionScratch() + 128 }
@inline function likeliest(t: i32): usize { return attentionScratch() + 192 + 512 * t }

/** The logits of a group for a token of the tiles, to {@link results}. */
function compute(matrix: usize, group: i32, t: i32): void {
  const cols = matrixCols(matrix)
  row16(Q8_0, matrixGroup(matrix, group), lineOf(t, cols), cols, results())
}

/** Ceilings of groups [begin, end), and the groups of each token's `count` largest logits by halves. */
function screen<D>(matrix: usize, begin: i32, end: i32, limit: i32, rows: i32, count: i32, space: usize): void {
  const cols = matrixCols(matrix), panel = panelScratch(), bounds = boundsOf(matrix, begin, end, space)
  for (let i = 0; TILE * i < rows; i++) packHalves<D>(shortsOf(i, cols), cols, halvesOf(i, cols), errorsOf(i, cols))
  for (let t = 0; t < rows; t++) clear(likeliest(t), count)
  for (let g = begin; g < end; g++) {
    unpackHalves(matrixGroup(matrix, g), cols, panel)
    for (let i = 0; TILE * i < rows; i++) {
      gemm8x4<Halves, D>(panel, halvesOf(i, cols), cols, results(), 32)
      const ceilings = ceilingsOf(space, g) + 16 * i
      v128.store(ceilings, errorBound(bounds + <usize>g * boundBytes(cols), errorsOf(i, cols), cols))
      for (let t = 0; t < min(TILE, rows - TILE * i); t++) {
        const logits = results() + 32 * t, likely = likeliest(TILE * i + t), ceiling = ceilings + 4 * t
        const most = maxLanes(f32x4.max(v128.load(logits), v128.load(logits, 16)))
        store<f32>(ceiling, load<f32>(ceiling) + most)
        if (!(most > smallest(likely, count))) continue
        for (let r = 0; r < min(GROUP, limit - GROUP * g); r++) offer(likely, count, <f32>g, load<f32>(logits + 4 * r))
      }
    }
  }
}

/** The bounds of all groups, those of [begin, end) computed. */
function boundsOf(matrix: usize, begin: i32, end: i32, space: usize): usize {
  const cols = matrixCols(matrix), mine = space + 8 * thread
  const bounds = ceilingsOf(space, (matrixRows(matrix) + GROUP - 1) / GROUP)
  if (load<i32>(mine) <= begin && end <= load<i32>(mine, 4)) return bounds
  for (let g = begin; g < end; g++) rowBounds(matrixGroup(matrix, g), cols, bounds + <usize>g * boundBytes(cols))
  store<i32>(mine, begin)
  store<i32>(mine, end, 4)
  return bounds
}

/** What `count` logits of a token reach: the least of the largest in its likeliest groups. Overwrites `ranking`. */
function barOf(matrix: usize, t: i32, limit: i32, ranking: usize, count: i32): f32 {
  const groups = likeliest(t)
  clear(ranking, count)
  for (let n = 0; n < count; n++) {
    const group = load<f32>(groups + 4 * n)
    let earlier = 0
    while (load<f32>(groups + 4 * earlier) != group) earlier++
    if (group < 0 || earlier < n) continue
    compute(matrix, <i32>group, t)
    offerGroup(ranking, count, GROUP * <i32>group, limit, results())
  }
  return smallest(ranking, count)
}
