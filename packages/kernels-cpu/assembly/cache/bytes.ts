import { halfFactor, halfMask, toHalf, widenHalf } from '../lib/half'
import { PAGE } from '../lib/layout'
import { maxLanes, mulShares, roundToInt } from '../lib/simd'
import { Bytes, dot16x4, dotBlocks } from '../matrix/dot16'
import { inverseOf, LARGEST, packWeights } from './shorts'

/*
 * Keys and values as q8_0: i8 levels and an f16 scale for each 32 numbers of a vector.
 * A page's keys i8 [kvHeads][PAGE/8][dim/2][8][2], then f16 scales [kvHeads][PAGE/8][dim/32][8]; its values i8
 * [kvHeads][dim/8][PAGE/2][8][2], then f16 scales [kvHeads][dim/32][PAGE].
 *
 * Queries are as `shorts.ts` packs them. They and the weights have 15 bits, so PAGE products with levels of 7 bits fit in an i32.
 */
const BLOCK = 32
const LEVELS: f32 = 127
/** The largest share of a slot's largest scale, as `mulShares` takes it, and what would be all of it. */
const SHARE: f32 = 32767
const ONE: f32 = 32768

@inline function scalesOf(page: usize, kvHeads: i32, dim: i32): usize { return page + <usize>(kvHeads * PAGE) * dim }

@inline function keyOf(page: usize, head: i32, slot: i32, dim: i32): usize {
  return page + <usize>(head * PAGE + (slot & ~7)) * dim + 2 * (slot & 7)
}
/** Of the key's first block; the others are 16 bytes apart. */
@inline function keyScaleOf(page: usize, head: i32, kvHeads: i32, slot: i32, dim: i32): usize {
  return scalesOf(page, kvHeads, dim) + 2 * (<usize>(head * PAGE + (slot & ~7)) * (dim / BLOCK) + (slot & 7))
}

/** The step of 32 numbers. */
@inline function stepOf(x: usize): f32 {
  let most = f32x4.splat(0)
  for (let i: usize = 0; i < 4 * BLOCK; i += 16) most = f32x4.max(most, f32x4.abs(v128.load(x + i)))
  return maxLanes(most) / LEVELS
}

/** i32x4 of the nearest levels, halves away from zero. */
@inline function roundAway(x: usize, inverse: v128): v128 {
  const level = f32x4.mul(v128.load(x), inverse), whole = f32x4.trunc(level), rest = f32x4.sub(level, whole)
  return roundToInt(f32x4.add(whole, f32x4.trunc(f32x4.add(rest, rest))))
}

/** i8x16 whose first half are the levels of eight numbers. */
@inline function levelsOf(x: usize, inverse: v128): v128 {
  const words = i16x8.narrow_i32x4_s(roundAway(x, inverse), roundAway(x + 16, inverse))
  return i8x16.narrow_i16x8_s(words, words)
}

export function storeKeyBytes(k: usize, page: usize, head: i32, kvHeads: i32, slot: i32, dim: i32): void {
  let to = keyOf(page, head, slot, dim), scale = keyScaleOf(page, head, kvHeads, slot, dim)
  for (let b = 0; b < dim; b += BLOCK, scale += 16) {
    const step = stepOf(k), inverse = inverseOf(f32x4.splat(step))
    store<u16>(scale, toHalf(step))
    for (let d = 0; d < BLOCK; d += 8, k += 32, to += 64) {
      const levels = levelsOf(k, inverse)
      v128.store16_lane(to, levels, 0)
      v128.store16_lane(to, levels, 1, 16)
      v128.store16_lane(to, levels, 2, 32)
      v128.store16_lane(to, levels, 3, 48)
    }
  }
}

export function storeValueBytes(v: usize, page: usize, head: i32, kvHeads: i32, slot: i32, dim: i32): void {
  let to = page + <usize>(head * PAGE) * dim + (slot >> 1) * 16 + (slot & 1)
  let scale = scalesOf(page, kvHeads, dim) + 2 * (<usize>(head * PAGE) * (dim / BLOCK) + slot)
  for (let b = 0; b < dim; b += BLOCK, scale += 2 * PAGE) {
    const step = stepOf(v), inverse = inverseOf(f32x4.splat(step))
    store<u16>(scale, toHalf(step))
    for (let d = 0; d < BLOCK; d += 8, v += 32, to += 8 * PAGE) {
      const levels = levelsOf(v, inverse)
      v128.store8_lane(to, levels, 0)
      v128.store8_lane(to, levels, 1, 2)
      v128.store8_lane(to, levels, 2, 4)
      v128.store8_lane(to, levels, 3, 6)
      v128.store8_lane(to, levels, 4, 8)
      v128.store8_lane(to, levels, 5, 10)
      v128.store8_lane(to, levels, 6, 12)
      v128.store8_lane(to, levels, 7, 14)
    }
  }
}

export function loadKeyBytes(page: usize, head: i32, kvHeads: i32, slot: i32, dim: i32, k: usize): void {
  let from = keyOf(page, head, slot, dim), scale = keyScaleOf(page, head, kvHeads, slot, dim)
  for (let b = 0; b < dim; b += BLOCK, scale += 16) {
    const step = f32x4.extract_lane(widenHalf(i32x4.splat(load<i16>(scale)), halfMask(), halfFactor()), 0)
    for (let d = 0; d < BLOCK; d += 2, k += 8, from += 16) {
      store<f32>(k, <f32>load<i8>(from) * step)
      store<f32>(k, <f32>load<i8>(from, 1) * step, 4)
    }
  }
}

/** scores f32 [4][PAGE] of a page's slots [low, low + count) */
export function scoreBytes(
  page: usize, head: i32, kvHeads: i32, low: i32, count: i32, dim: i32, tile: usize, scores: usize,
): void {
  let block = keyOf(page, head, low, dim), scales = keyScaleOf(page, head, kvHeads, low, dim)
  for (let s = 0; s < count; s += 8, block += 8 * dim, scales += dim / 2) {
    dotBlocks(block, scales, tile, dim / 2, tile + 8 * dim, scores + 4 * s, 4 * PAGE)
  }
}

/** scales f32 [count] = the largest scale of each slot, of `blocks` f16 [PAGE] each. */
@inline function largestScales(from: usize, blocks: i32, count: i32, scales: usize): void {
  const mask = halfMask(), factor = halfFactor()
  for (let end = from + 2 * count; from < end; from += 16, scales += 32) {
    // Scales are not negative: they are in the order of their bits.
    let most = v128.load(from)
    for (let b = 1; b < blocks; b++) most = i16x8.max_u(most, v128.load(from + <usize>b * 2 * PAGE))
    v128.store(scales, widenHalf(i32x4.extend_low_i16x8_s(most), mask, factor))
    v128.store(scales, widenHalf(i32x4.extend_high_i16x8_s(most), mask, factor), 16)
  }
}

/** to i16 [count/2][4][2] = levels, alike, · scales f16 [count] · inverses f32 [count] */
@inline function scaleLevels(levels: usize, scales: usize, inverses: usize, count: i32, to: usize): void {
  const mask = halfMask(), factor = halfFactor()
  for (let end = scales + 2 * count; scales < end; scales += 16, inverses += 32, levels += 64, to += 64) {
    const a = f32x4.mul(widenHalf(v128.load16x4_s(scales), mask, factor), v128.load(inverses))
    const b = f32x4.mul(widenHalf(v128.load16x4_s(scales, 8), mask, factor), v128.load(inverses, 16))
    const shares = i16x8.narrow_i32x4_s(roundToInt(a), roundToInt(b))
    v128.store(to, mulShares(v128.load(levels), v128.shuffle<u32>(shares, shares, 0, 0, 0, 0)))
    v128.store(to, mulShares(v128.load(levels, 16), v128.shuffle<u32>(shares, shares, 1, 1, 1, 1)), 16)
    v128.store(to, mulShares(v128.load(levels, 32), v128.shuffle<u32>(shares, shares, 2, 2, 2, 2)), 32)
    v128.store(to, mulShares(v128.load(levels, 48), v128.shuffle<u32>(shares, shares, 3, 3, 3, 3)), 48)
  }
}

/** out f32 [4][dim] = Σ over a page's slots [low, low + count) of weights f32 [4][PAGE] · values. `scratch`: 4 KiB. */
export function sumBytes(
  page: usize, head: i32, kvHeads: i32, low: i32, count: i32, dim: i32, weights: usize, scratch: usize, out: usize,
): void {
  const levels = scratch, scaled = levels + 8 * PAGE, inverses = scaled + 8 * PAGE, steps = inverses + 4 * PAGE
  let values = page + <usize>(head * PAGE) * dim + low * 8
  let scales = scalesOf(page, kvHeads, dim) + 2 * (<usize>(head * PAGE) * (dim / BLOCK) + low)
  // Weights are packed once, by each slot's largest scale; each block of 32 columns then takes its share of that.
  largestScales(scales, dim / BLOCK, count, inverses)
  const step = packWeights(weights, inverses, LARGEST, count, levels)
  v128.store(steps, f32x4.mul(step, f32x4.splat(ONE / SHARE)))
  for (let s: usize = 0, end: usize = 4 * count; s < end; s += 16) {
    v128.store(inverses + s, f32x4.mul(inverseOf(v128.load(inverses + s)), f32x4.splat(SHARE)))
  }
  for (let b = 0; b < dim; b += BLOCK, scales += 2 * PAGE, values += BLOCK * PAGE, out += 4 * BLOCK) {
    scaleLevels(levels, scales, inverses, count, scaled)
    for (let d = 0; d < BLOCK; d += 8) {
      dot16x4<Bytes>(values + <usize>d * PAGE, scaled, count / 2, count / 2, steps, out + 4 * d, 4 * dim)
    }
  }
}
