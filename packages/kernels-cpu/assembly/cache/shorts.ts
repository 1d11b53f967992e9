import { CHUNK, TILE } from '../lib/layout'
import { maxLanes, roundToShorts, sumLanes } from '../lib/simd'
import { dot16x4 } from '../matrix/dot16'

/*
 * Keys and values as i16 with a scale for each vector: two bytes a number as f16, as exact, and multiplied without conversion.
 * keys [kvHeads][slots/8][dim/2][8][2], then f32 scales [kvHeads][slots]; values [kvHeads][slots/CHUNK][dim/8][CHUNK/2][8][2], then scales
 * alike.
 *
 * Queries and keys have a Euclidean norm of at most NORM, so no partial sum of their product passes NORM² < 2³¹ (Cauchy-Schwarz;
 * rounding adds at most √dim / 2 to a norm, and 46012² < 2³¹ still, enough for 512 dimensions). Values and weights are at most LEVEL,
 * so 32 slots fit: 32 · LEVEL² < 2³¹.
 *
 * A tile's queries: i16 [dim/2][4][2], then their scales f32[4].
 */
const NORM: f32 = 46000
const LARGEST: f32 = 32767
const LEVEL: f32 = 8191
/** Pairs of slots whose products are added as integers. */
const FOLD = 16

function largest(x: usize, count: i32): f32 {
  let m = f32x4.splat(0)
  for (let end = x + 4 * count; x < end; x += 16) m = f32x4.max(m, f32x4.abs(v128.load(x)))
  return maxLanes(m)
}

/** The step between levels of a query or key. */
function stepOf(x: usize, dim: i32): f32 {
  let squares = f32x4.splat(0), most = squares
  for (let end = x + 4 * dim; x < end; x += 16) {
    const v = v128.load(x)
    squares = f32x4.add(squares, f32x4.mul(v, v))
    most = f32x4.max(most, f32x4.abs(v))
  }
  return max(sqrt<f32>(sumLanes(squares)) / NORM, maxLanes(most) / LARGEST)
}

@inline function inverseOf(step: f32): v128 {
  return f32x4.splat(step > 0 ? 1 / step : 0)
}

export function storeShorts(k: usize, v: usize, keys: usize, values: usize, head: i32, kvHeads: i32, slot: i32, slots: i32, dim: i32): void {
  const base = <usize>head * slots * dim * 2, scale = <usize>kvHeads * slots * dim * 2 + 4 * (<usize>head * slots + slot)
  const keyStep = stepOf(k, dim), valueStep = largest(v, dim) / LEVEL
  store<f32>(keys + scale, keyStep)
  store<f32>(values + scale, valueStep)
  let to = keys + base + <usize>(slot >> 3) * dim * 16 + 4 * (slot & 7), inverse = inverseOf(keyStep)
  for (let d = 0; d < dim; d += 8, k += 32, to += 128) {
    const x = roundToShorts(k, inverse)
    v128.store32_lane(to, x, 0)
    v128.store32_lane(to, x, 1, 32)
    v128.store32_lane(to, x, 2, 64)
    v128.store32_lane(to, x, 3, 96)
  }
  to = values + base + 2 * <usize>((slot & -CHUNK) * dim + ((slot & (CHUNK - 1)) >> 1) * 16 + (slot & 1))
  inverse = inverseOf(valueStep)
  for (let d = 0; d < dim; d += 8, v += 32, to += 16 * CHUNK) {
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

/** One query, times `scale`, as the tile's token `t`. */
export function packShorts(q: usize, scale: f32, dim: i32, tile: usize, t: i32): void {
  const step = stepOf(q, dim), inverse = inverseOf(step)
  let to = tile + 4 * t
  for (let d = 0; d < dim; d += 8, q += 32, to += 64) {
    const x = roundToShorts(q, inverse)
    v128.store32_lane(to, x, 0)
    v128.store32_lane(to, x, 1, 16)
    v128.store32_lane(to, x, 2, 32)
    v128.store32_lane(to, x, 3, 48)
  }
  store<f32>(tile + 8 * dim + 4 * t, step * scale)
}

/** scores f32 [4][CHUNK] of the slots [low, low + count) */
export function scoreShorts(
  keys: usize, head: i32, kvHeads: i32, low: i32, count: i32, slots: i32, dim: i32, tile: usize, scores: usize,
): void {
  const scales = keys + <usize>kvHeads * slots * dim * 2 + 4 * (<usize>head * slots + low), pairs = dim / 2
  let block = keys + (<usize>head * slots + low) * dim * 2
  for (let s = 0; s < count; s += 8, block += 16 * dim) {
    const to = scores + 4 * s
    dot16x4(block, tile, pairs, pairs, tile + 8 * dim, to, 4 * CHUNK)
    const a = v128.load(scales + 4 * s), b = v128.load(scales + 4 * s, 16)
    for (let t = 0; t < TILE; t++) {
      const row = to + 4 * CHUNK * t
      v128.store(row, f32x4.mul(v128.load(row), a))
      v128.store(row, f32x4.mul(v128.load(row, 16), b), 16)
    }
  }
}

/** out f32 [4][dim] = Σ over [low, low + count), within a chunk, of weights f32 [4][CHUNK] · values. `scratch`: 8 bytes a slot and 16. */
export function sumShorts(
  values: usize, head: i32, kvHeads: i32, low: i32, count: i32, slots: i32, dim: i32, weights: usize, scratch: usize, out: usize,
): void {
  const scales = values + <usize>kvHeads * slots * dim * 2 + 4 * (<usize>head * slots + low), steps = scratch + 8 * count
  for (let t = 0; t < TILE; t++) {
    const from = weights + 4 * CHUNK * t
    let most = f32x4.splat(0)
    for (let s: usize = 0, end: usize = 4 * count; s < end; s += 16) {
      const weight = f32x4.mul(v128.load(from + s), v128.load(scales + s))
      v128.store(from + s, weight)
      most = f32x4.max(most, weight)
    }
    const step = maxLanes(most) / LEVEL, inverse = inverseOf(step)
    let to = scratch + 4 * t
    for (let s: usize = 0, end: usize = 4 * count; s < end; s += 32, to += 64) {
      const x = roundToShorts(from + s, inverse)
      v128.store32_lane(to, x, 0)
      v128.store32_lane(to, x, 1, 16)
      v128.store32_lane(to, x, 2, 32)
      v128.store32_lane(to, x, 3, 48)
    }
    store<f32>(steps + 4 * t, step)
  }
  let block = values + 2 * (<usize>(head * slots + (low & -CHUNK)) * dim + (low & (CHUNK - 1)) * 8)
  for (let d = 0; d < dim; d += 8, block += 16 * CHUNK) {
    dot16x4(block, scratch, count / 2, FOLD, steps, out + 4 * d, 4 * dim)
  }
}
