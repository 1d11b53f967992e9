import { PAGE, TILE } from '../lib/layout'
import { lane0, lane1, lane2, lane3, maxLanes, maximaOf, roundToShorts, sumLanes, sumsOf } from '../lib/simd'
import { dot16x4, Words } from '../matrix/dot16'

/*
 * Keys and values as i16 with a scale for each vector: two bytes a number as f16, as exact, and multiplied without conversion.
 * A page's keys [kvHeads][PAGE/8][dim/2][8][2], then f32 scales [kvHeads][PAGE]; its values [kvHeads][dim/8][PAGE/2][8][2], then scales
 * alike.
 *
 * Queries and keys have a Euclidean norm of at most NORM, so no partial sum of their product passes NORM² < 2³¹ (Cauchy-Schwarz;
 * rounding adds at most √dim / 2 to a norm, and 46012² < 2³¹ still, enough for 512 dimensions). Values and weights are at most LEVEL,
 * so 32 slots fit: 32 · LEVEL² < 2³¹.
 *
 * A tile's queries: i16 [dim/2][4][2], then their scales f32[4].
 */
const NORM: f32 = 46000
export const LARGEST: f32 = 32767
const LEVEL: f32 = 8191
/** Pairs of slots whose products are added as integers. */
const FOLD = 16

function largest(x: usize, count: i32): f32 {
  let m = f32x4.splat(0)
  for (let end = x + 4 * count; x < end; x += 16) m = f32x4.max(m, f32x4.abs(v128.load(x)))
  return maxLanes(m)
}

/** The step between levels of a key. */
export function stepOf(x: usize, dim: i32): f32 {
  let squares = f32x4.splat(0), most = squares
  for (let end = x + 4 * dim; x < end; x += 16) {
    const v = v128.load(x)
    squares = f32x4.add(squares, f32x4.mul(v, v))
    most = f32x4.pmax(most, f32x4.abs(v))
  }
  return max(sqrt<f32>(sumLanes(squares)) / NORM, maxLanes(most) / LARGEST)
}

@inline export function inverseOf(steps: v128): v128 {
  const none = f32x4.splat(0)
  return v128.and(f32x4.div(f32x4.splat(1), steps), f32x4.gt(steps, none))
}

@inline function keyOf(page: usize, head: i32, slot: i32, dim: i32): usize {
  return page + 2 * (<usize>(head * PAGE + (slot & ~7)) * dim + 2 * (slot & 7))
}

/** The scale of a vector of a page: those of its heads follow the numbers. */
@inline function scaleOf(page: usize, head: i32, kvHeads: i32, slot: i32, dim: i32): usize {
  return page + <usize>(kvHeads * PAGE) * dim * 2 + 4 * <usize>(head * PAGE + slot)
}

export function storeKeyShorts(k: usize, page: usize, head: i32, kvHeads: i32, slot: i32, dim: i32): void {
  const step = stepOf(k, dim), inverse = inverseOf(f32x4.splat(step))
  store<f32>(scaleOf(page, head, kvHeads, slot, dim), step)
  let to = keyOf(page, head, slot, dim)
  for (let d = 0; d < dim; d += 8, k += 32, to += 128) {
    const x = roundToShorts(k, inverse)
    v128.store32_lane(to, x, 0)
    v128.store32_lane(to, x, 1, 32)
    v128.store32_lane(to, x, 2, 64)
    v128.store32_lane(to, x, 3, 96)
  }
}

export function storeValueShorts(v: usize, page: usize, head: i32, kvHeads: i32, slot: i32, dim: i32): void {
  const step = largest(v, dim) / LEVEL, inverse = inverseOf(f32x4.splat(step))
  store<f32>(scaleOf(page, head, kvHeads, slot, dim), step)
  let to = page + 2 * (<usize>(head * PAGE) * dim + (slot >> 1) * 16 + (slot & 1))
  for (let d = 0; d < dim; d += 8, v += 32, to += 16 * PAGE) {
    const x = roundToShorts(v, inverse)
    v128.store16_lane(to, x, 0)
    v128.store16_lane(to, x, 1, 4)
    v128.store16_lane(to, x, 2, 8)
    v128.store16_lane(to, x, 3, 12)
    v128.store16_lane(to, x, 4, 16)
    v128.store16_lane(to, x, 5, 20)
    v128.store16_lane(to, x, 6, 24)
    v128.store16_lane(to, x, 7, 28)
  }
}

export function loadKeyShorts(page: usize, head: i32, kvHeads: i32, slot: i32, dim: i32, k: usize): void {
  const scale = load<f32>(scaleOf(page, head, kvHeads, slot, dim))
  let from = keyOf(page, head, slot, dim)
  for (let d = 0; d < dim; d += 2, k += 8, from += 32) {
    store<f32>(k, <f32>load<i16>(from) * scale)
    store<f32>(k, <f32>load<i16>(from, 2) * scale, 4)
  }
}

/** Queries of a tile, times `scale`. */
export function packShorts(q0: usize, q1: usize, q2: usize, q3: usize, scale: f32, dim: i32, tile: usize): void {
  const none = f32x4.splat(0), end: usize = 4 * dim
  let s0 = none, s1 = none, s2 = none, s3 = none, m0 = none, m1 = none, m2 = none, m3 = none
  for (let d: usize = 0; d < end; d += 16) {
    let v = v128.load(q0 + d)
    s0 = f32x4.add(s0, f32x4.mul(v, v)); m0 = f32x4.max(m0, f32x4.abs(v))
    v = v128.load(q1 + d)
    s1 = f32x4.add(s1, f32x4.mul(v, v)); m1 = f32x4.max(m1, f32x4.abs(v))
    v = v128.load(q2 + d)
    s2 = f32x4.add(s2, f32x4.mul(v, v)); m2 = f32x4.max(m2, f32x4.abs(v))
    v = v128.load(q3 + d)
    s3 = f32x4.add(s3, f32x4.mul(v, v)); m3 = f32x4.max(m3, f32x4.abs(v))
  }
  const norms = f32x4.div(f32x4.sqrt(sumsOf(s0, s1, s2, s3)), f32x4.splat(NORM))
  const steps = f32x4.max(norms, f32x4.div(maximaOf(m0, m1, m2, m3), f32x4.splat(LARGEST)))
  packLevels(q0, q1, q2, q3, steps, dim, tile)
  v128.store(tile + 8 * dim, f32x4.mul(steps, f32x4.splat(scale)))
}

/** i16 [count/2][4][2] of four vectors over their steps. */
@inline function packLevels(x0: usize, x1: usize, x2: usize, x3: usize, steps: v128, count: i32, to: usize): void {
  const inverse = inverseOf(steps)
  const i0 = v128.shuffle<u32>(inverse, inverse, 0, 0, 0, 0), i1 = v128.shuffle<u32>(inverse, inverse, 1, 1, 1, 1)
  const i2 = v128.shuffle<u32>(inverse, inverse, 2, 2, 2, 2), i3 = v128.shuffle<u32>(inverse, inverse, 3, 3, 3, 3)
  for (let at: usize = 0, end: usize = 4 * count; at < end; at += 32, to += 64) {
    const v0 = roundToShorts(x0 + at, i0), v1 = roundToShorts(x1 + at, i1)
    const v2 = roundToShorts(x2 + at, i2), v3 = roundToShorts(x3 + at, i3)
    v128.store(to, lane0(v0, v1, v2, v3))
    v128.store(to, lane1(v0, v1, v2, v3), 16)
    v128.store(to, lane2(v0, v1, v2, v3), 32)
    v128.store(to, lane3(v0, v1, v2, v3), 48)
  }
}

/** scores f32 [4][PAGE] of a page's slots [low, low + count) */
export function scoreShorts(
  page: usize, head: i32, kvHeads: i32, low: i32, count: i32, dim: i32, tile: usize, scores: usize,
): void {
  const scales = scaleOf(page, head, kvHeads, low, dim), pairs = dim / 2
  let block = keyOf(page, head, low, dim)
  for (let s = 0; s < count; s += 8, block += 16 * dim) {
    const to = scores + 4 * s
    dot16x4<Words>(block, tile, pairs, pairs, tile + 8 * dim, to, 4 * PAGE)
    const a = v128.load(scales + 4 * s), b = v128.load(scales + 4 * s, 16)
    for (let t = 0; t < TILE; t++) {
      const row = to + 4 * PAGE * t
      v128.store(row, f32x4.mul(v128.load(row), a))
      v128.store(row, f32x4.mul(v128.load(row, 16), b), 16)
    }
  }
}

/**
 * Multiplies weights f32 [4][PAGE] by their slots' scales f32 [count] and packs them, as levels of up to `most`: i16 [count/2][4][2].
 * Returns the four steps.
 */
@inline export function packWeights(weights: usize, scales: usize, most: f32, count: i32, to: usize): v128 {
  const w1 = weights + 4 * PAGE, w2 = w1 + 4 * PAGE, w3 = w2 + 4 * PAGE
  let m0 = f32x4.splat(0), m1 = m0, m2 = m0, m3 = m0
  for (let s: usize = 0, end: usize = 4 * count; s < end; s += 16) {
    const scale = v128.load(scales + s)
    let w = f32x4.mul(v128.load(weights + s), scale)
    m0 = f32x4.max(m0, w); v128.store(weights + s, w)
    w = f32x4.mul(v128.load(w1 + s), scale)
    m1 = f32x4.max(m1, w); v128.store(w1 + s, w)
    w = f32x4.mul(v128.load(w2 + s), scale)
    m2 = f32x4.max(m2, w); v128.store(w2 + s, w)
    w = f32x4.mul(v128.load(w3 + s), scale)
    m3 = f32x4.max(m3, w); v128.store(w3 + s, w)
  }
  const steps = f32x4.div(maximaOf(m0, m1, m2, m3), f32x4.splat(most))
  packLevels(weights, w1, w2, w3, steps, count, to)
  return steps
}

/** out f32 [4][dim] = Σ over a page's slots [low, low + count) of weights f32 [4][PAGE] · values. `scratch`: 8 bytes a slot and 16. */
export function sumShorts(
  page: usize, head: i32, kvHeads: i32, low: i32, count: i32, dim: i32, weights: usize, scratch: usize, out: usize,
): void {
  const steps = scratch + 8 * count
  v128.store(steps, packWeights(weights, scaleOf(page, head, kvHeads, low, dim), LEVEL, count, scratch))
  let block = page + 2 * (<usize>(head * PAGE) * dim + low * 8)
  for (let d = 0; d < dim; d += 8, block += 16 * PAGE) {
    dot16x4<Words>(block, scratch, count / 2, FOLD, steps, out + 4 * d, 4 * dim)
  }
}
