import { foldColumns, zeroLevel } from '../lib/layout'
import { lane0, lane1, lane2, lane3, maximaOf, maxLanes, roundToShorts, scaledSum } from '../lib/simd'

/*
 * Activations, f32 `stride` bytes apart, packed into the tiles of 4 tokens and the lines of one of `lib/layout.ts`: the same numbers.
 * A tile of fewer `rows` repeats the last one. Rounding is to the nearest, ties to even.
 */

/** int8, a scale for each fold, sums as D has them. */
export function pack8<F, D>(x0: usize, stride: usize, rows: i32, cols: i32, tile: usize): void {
  const x1 = x0 + (rows > 1 ? stride : 0), x2 = x1 + (rows > 2 ? stride : 0), x3 = x2 + (rows > 3 ? stride : 0)
  const bytes: usize = 4 * foldColumns<F>(), most = f32x4.splat(127), none = f32x4.splat(0)
  for (let at: usize = 0, end: usize = 4 * cols; at < end;) {
    let m0 = none, m1 = none, m2 = none, m3 = none
    const last = at + bytes
    for (let i = at; i < last; i += 16) {
      m0 = f32x4.max(m0, f32x4.abs(v128.load(x0 + i))); m1 = f32x4.max(m1, f32x4.abs(v128.load(x1 + i)))
      m2 = f32x4.max(m2, f32x4.abs(v128.load(x2 + i))); m3 = f32x4.max(m3, f32x4.abs(v128.load(x3 + i)))
    }
    const largest = maximaOf(m0, m1, m2, m3)
    const inverse = v128.and(f32x4.div(most, largest), f32x4.gt(largest, none))
    const i0 = v128.shuffle<u32>(inverse, inverse, 0, 0, 0, 0), i1 = v128.shuffle<u32>(inverse, inverse, 1, 1, 1, 1)
    const i2 = v128.shuffle<u32>(inverse, inverse, 2, 2, 2, 2), i3 = v128.shuffle<u32>(inverse, inverse, 3, 3, 3, 3)
    // i16: for each token Σ over k%4 < 2 and Σ over the rest.
    let pairs = none
    for (; at < last; at += 64, tile += 64) {
      const v0 = roundToBytes(x0 + at, i0), v1 = roundToBytes(x1 + at, i1), v2 = roundToBytes(x2 + at, i2), v3 = roundToBytes(x3 + at, i3)
      let step = lane0(v0, v1, v2, v3)
      v128.store(tile, step)
      pairs = i16x8.add(pairs, i16x8.extadd_pairwise_i8x16_s(step))
      step = lane1(v0, v1, v2, v3)
      v128.store(tile, step, 16)
      pairs = i16x8.add(pairs, i16x8.extadd_pairwise_i8x16_s(step))
      step = lane2(v0, v1, v2, v3)
      v128.store(tile, step, 32)
      pairs = i16x8.add(pairs, i16x8.extadd_pairwise_i8x16_s(step))
      step = lane3(v0, v1, v2, v3)
      v128.store(tile, step, 48)
      pairs = i16x8.add(pairs, i16x8.extadd_pairwise_i8x16_s(step))
    }
    const scale = f32x4.div(largest, most)
    v128.store(tile, scaledSum<D>(pairs, <i16>-zeroLevel<F>()))
    v128.store(tile, scale, 16)
    v128.store(tile, f32x4.mul(scale, f32x4.convert_i32x4_s(i32x4.dot_i16x8_s(pairs, i16x8.splat(1)))), 32)
    tile += 48
  }
}

export function line8<F, D>(x: usize, cols: i32, line: usize): void {
  const bytes: usize = 4 * foldColumns<F>(), most = f32x4.splat(127), none = f32x4.splat(0)
  for (const end = x + 4 * cols; x < end;) {
    const last = x + bytes
    let m = none
    for (let at = x; at < last; at += 16) m = f32x4.max(m, f32x4.abs(v128.load(at)))
    const largest = f32x4.splat(maxLanes(m))
    const inverse = v128.and(f32x4.div(most, largest), f32x4.gt(largest, none))
    let pairs = none
    for (; x < last; x += 64, line += 16) {
      const steps = roundToBytes(x, inverse)
      v128.store(line, steps)
      pairs = i16x8.add(pairs, i16x8.extadd_pairwise_i8x16_s(steps))
    }
    pairs = i16x8.add(pairs, v128.shuffle<u32>(pairs, pairs, 2, 3, 0, 1))
    pairs = i16x8.add(pairs, v128.shuffle<u32>(pairs, pairs, 1, 0, 3, 2))
    const scale = f32x4.div(largest, most)
    v128.store32_lane(line, scaledSum<D>(pairs, <i16>-zeroLevel<F>()), 0)
    v128.store32_lane(line, scale, 0, 4)
    v128.store32_lane(line, f32x4.mul(scale, f32x4.convert_i32x4_s(i32x4.dot_i16x8_s(pairs, i16x8.splat(1)))), 0, 8)
    line += 12
  }
}

/** i8x16 of the sixteen f32 at `x` times `factor`. */
@inline function roundToBytes(x: usize, factor: v128): v128 {
  return i8x16.narrow_i16x8_s(roundToShorts(x, factor), roundToShorts(x + 32, factor))
}

/** 14-bit integers, a scale for each token. */
export function pack16(x0: usize, stride: usize, rows: i32, cols: i32, tile: usize): void {
  const x1 = x0 + (rows > 1 ? stride : 0), x2 = x1 + (rows > 2 ? stride : 0), x3 = x2 + (rows > 3 ? stride : 0)
  const end: usize = 4 * cols, most = f32x4.splat(8191), none = f32x4.splat(0), ones = i16x8.splat(1)
  let m0 = none, m1 = none, m2 = none, m3 = none
  for (let at: usize = 0; at < end; at += 16) {
    m0 = f32x4.max(m0, f32x4.abs(v128.load(x0 + at))); m1 = f32x4.max(m1, f32x4.abs(v128.load(x1 + at)))
    m2 = f32x4.max(m2, f32x4.abs(v128.load(x2 + at))); m3 = f32x4.max(m3, f32x4.abs(v128.load(x3 + at)))
  }
  const largest = maximaOf(m0, m1, m2, m3)
  const inverse = v128.and(f32x4.div(most, largest), f32x4.gt(largest, none))
  const i0 = v128.shuffle<u32>(inverse, inverse, 0, 0, 0, 0), i1 = v128.shuffle<u32>(inverse, inverse, 1, 1, 1, 1)
  const i2 = v128.shuffle<u32>(inverse, inverse, 2, 2, 2, 2), i3 = v128.shuffle<u32>(inverse, inverse, 3, 3, 3, 3)
  let sums = tile + 8 * cols
  for (let at: usize = 0; at < end; sums += 16) {
    let sum = none
    for (const last = at + 64; at < last; at += 32, tile += 64) {
      const v0 = evenFirst(roundToShorts(x0 + at, i0)), v1 = evenFirst(roundToShorts(x1 + at, i1))
      const v2 = evenFirst(roundToShorts(x2 + at, i2)), v3 = evenFirst(roundToShorts(x3 + at, i3))
      let pairs = lane0(v0, v1, v2, v3)
      v128.store(tile, pairs)
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(pairs, ones))
      pairs = lane1(v0, v1, v2, v3)
      v128.store(tile, pairs, 16)
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(pairs, ones))
      pairs = lane2(v0, v1, v2, v3)
      v128.store(tile, pairs, 32)
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(pairs, ones))
      pairs = lane3(v0, v1, v2, v3)
      v128.store(tile, pairs, 48)
      sum = i32x4.add(sum, i32x4.dot_i16x8_s(pairs, ones))
    }
    v128.store(sums, sum)
  }
  v128.store(sums, f32x4.div(largest, most))
}

export function line16(x: usize, cols: i32, line: usize): void {
  const end = x + 4 * cols, most = f32x4.splat(8191), none = f32x4.splat(0), ones = i16x8.splat(1)
  let m = none
  for (let at = x; at < end; at += 16) m = f32x4.max(m, f32x4.abs(v128.load(at)))
  const largest = f32x4.splat(maxLanes(m))
  const inverse = v128.and(f32x4.div(most, largest), f32x4.gt(largest, none))
  let sums = line + 2 * cols
  for (; x < end; x += 64, line += 32, sums += 4) {
    const first = evenFirst(roundToShorts(x, inverse)), second = evenFirst(roundToShorts(x + 32, inverse))
    v128.store(line, first)
    v128.store(line, second, 16)
    let sum = i32x4.add(i32x4.dot_i16x8_s(first, ones), i32x4.dot_i16x8_s(second, ones))
    sum = i32x4.add(sum, v128.shuffle<u32>(sum, sum, 2, 3, 0, 1))
    v128.store32_lane(sums, i32x4.add(sum, v128.shuffle<u32>(sum, sum, 1, 0, 3, 2)), 0)
  }
  v128.store32_lane(sums, f32x4.div(largest, most), 0)
}

/** Of each four i16 those at 0 and 2, then those at 1 and 3. */
@inline function evenFirst(v: v128): v128 {
  return v128.shuffle<u16>(v, v, 0, 2, 1, 3, 4, 6, 5, 7)
}

/** f32, as they are. */
export function pack32(x0: usize, stride: usize, rows: i32, cols: i32, tile: usize): void {
  const x1 = x0 + (rows > 1 ? stride : 0), x2 = x1 + (rows > 2 ? stride : 0), x3 = x2 + (rows > 3 ? stride : 0)
  for (let at: usize = 0, end: usize = 4 * cols; at < end; at += 16, tile += 64) {
    const v0 = v128.load(x0 + at), v1 = v128.load(x1 + at), v2 = v128.load(x2 + at), v3 = v128.load(x3 + at)
    v128.store(tile, lane0(v0, v1, v2, v3))
    v128.store(tile, lane1(v0, v1, v2, v3), 16)
    v128.store(tile, lane2(v0, v1, v2, v3), 32)
    v128.store(tile, lane3(v0, v1, v2, v3), 48)
  }
}
