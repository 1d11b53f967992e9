import { halfFactor, halfMask, toHalf, widenHalf } from '../lib/half'
import { PAGE } from '../lib/layout'
import { maximaOf, maxLanes } from '../lib/simd'
import { Bytes, dot16x4, dotBlocks } from '../matrix/dot16'
import { LARGEST, packLevels } from './shorts'

/*
 * Keys and values as q8_0: i8 levels and an f16 scale for each 32 numbers of a vector.
 * A page's keys i8 [kvHeads][PAGE/8][dim/2][8][2], then f16 scales [kvHeads][PAGE/8][dim/32][8]; its values i8
 * [kvHeads][dim/8][PAGE/2][8][2], then f16 scales [kvHeads][dim/32][PAGE].
 *
 * Queries are as `shorts.ts` packs them. They and the weights have 15 bits, so 32 products with levels of 7 bits fit in an i32.
 */
const BLOCK = 32
const LEVELS: f32 = 127

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

/** The nearest level, halves away from zero. */
@inline function levelOf(x: usize, inverse: f32): i32 {
  const level = load<f32>(x) * inverse
  return <i32>(level + copysign<f32>(0.5, level))
}

@inline function inverseOf(step: f32): f32 { return step > 0 ? 1 / step : 0 }

export function storeKeyBytes(k: usize, page: usize, head: i32, kvHeads: i32, slot: i32, dim: i32): void {
  let to = keyOf(page, head, slot, dim), scale = keyScaleOf(page, head, kvHeads, slot, dim)
  for (let b = 0; b < dim; b += BLOCK, scale += 16) {
    const step = stepOf(k), inverse = inverseOf(step)
    store<u16>(scale, toHalf(step))
    for (let d = 0; d < BLOCK; d += 2, k += 8, to += 16) {
      store<i8>(to, levelOf(k, inverse))
      store<i8>(to, levelOf(k + 4, inverse), 1)
    }
  }
}

export function storeValueBytes(v: usize, page: usize, head: i32, kvHeads: i32, slot: i32, dim: i32): void {
  let to = page + <usize>(head * PAGE) * dim + (slot >> 1) * 16 + (slot & 1)
  let scale = scalesOf(page, kvHeads, dim) + 2 * (<usize>(head * PAGE) * (dim / BLOCK) + slot)
  for (let b = 0; b < dim; b += BLOCK, scale += 2 * PAGE) {
    const step = stepOf(v), inverse = inverseOf(step)
    store<u16>(scale, toHalf(step))
    for (let d = 0; d < BLOCK; d++, v += 4) store<i8>(to + <usize>(d >> 3) * 8 * PAGE + 2 * (d & 7), levelOf(v, inverse))
    to += BLOCK * PAGE
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

/**
 * out f32 [4][dim] = Σ over a page's slots [low, low + count) of weights f32 [4][PAGE] · values. `scratch`: 8 bytes a slot and 16, and from
 * 2 KiB on as much as the weights.
 */
export function sumBytes(
  page: usize, head: i32, kvHeads: i32, low: i32, count: i32, dim: i32, weights: usize, scratch: usize, out: usize,
): void {
  const steps = scratch + 8 * count, scaled = scratch + 0x800, mask = halfMask(), factor = halfFactor()
  let values = page + <usize>(head * PAGE) * dim + low * 8
  let scales = scalesOf(page, kvHeads, dim) + 2 * (<usize>(head * PAGE) * (dim / BLOCK) + low)
  for (let b = 0; b < dim; b += BLOCK, scales += 2 * PAGE, values += BLOCK * PAGE, out += 4 * BLOCK) {
    // A block of 32 columns has scales of its own: they go to the weights, as 15 bits each.
    let m0 = f32x4.splat(0), m1 = m0, m2 = m0, m3 = m0
    for (let s: usize = 0, end: usize = 4 * count; s < end; s += 16) {
      const scale = widenHalf(v128.load16x4_s(scales + (s >> 1)), mask, factor), to = scaled + s
      let w = f32x4.mul(v128.load(weights + s), scale)
      m0 = f32x4.max(m0, w); v128.store(to, w)
      w = f32x4.mul(v128.load(weights + s, 4 * PAGE), scale)
      m1 = f32x4.max(m1, w); v128.store(to, w, 4 * PAGE)
      w = f32x4.mul(v128.load(weights + s, 8 * PAGE), scale)
      m2 = f32x4.max(m2, w); v128.store(to, w, 8 * PAGE)
      w = f32x4.mul(v128.load(weights + s, 12 * PAGE), scale)
      m3 = f32x4.max(m3, w); v128.store(to, w, 12 * PAGE)
    }
    const step = f32x4.div(maximaOf(m0, m1, m2, m3), f32x4.splat(LARGEST))
    packLevels(scaled, scaled + 4 * PAGE, scaled + 8 * PAGE, scaled + 12 * PAGE, step, count, scratch)
    v128.store(steps, step)
    for (let d = 0; d < BLOCK; d += 8) {
      dot16x4<Bytes>(values + <usize>d * PAGE, scratch, count / 2, 16, steps, out + 4 * d, 4 * dim)
    }
  }
}
