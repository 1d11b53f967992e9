import { BLOCK, foldColumns, TILE, TILE16, TILE32, TILE8, zeroLevel } from '../lib/layout'
import { maxLanes, roundToShorts, scaledSum, sumLanes } from '../lib/simd'

/*
 * Activations of up to 4 tokens, packed into the tiles of `lib/layout.ts`. Tokens past `rows` are zero.
 * `x`: f32, the tokens `stride` bytes apart. Rounding is to the nearest, ties to even.
 */

/** int8, a scale for each fold, sums as D has them. */
export function pack8<F, D>(x: usize, stride: usize, rows: i32, cols: i32, tile: usize): void {
  const bytes = 4 * foldColumns<F>()
  if (rows < TILE) memory.fill(tile, 0, <usize>(cols / BLOCK) * TILE8)
  for (let end = x + 4 * cols; x < end; x += bytes) {
    for (let t = 0; t < rows; t++) {
      const from = x + <usize>t * stride
      let m = f32x4.splat(0)
      for (let i = 0; i < bytes; i += 16) m = f32x4.max(m, f32x4.abs(v128.load(from + i)))
      const largest = maxLanes(m)
      const inverse = f32x4.splat(largest > 0 ? <f32>127 / largest : 0)
      let to = tile + 4 * t
      let pairs = i16x8.splat(0)
      for (let i = 0; i < bytes; i += 64) {
        const v = i8x16.narrow_i16x8_s(roundToShorts(from + i, inverse), roundToShorts(from + i + 32, inverse))
        pairs = i16x8.add(pairs, i16x8.extadd_pairwise_i8x16_s(v))
        v128.store32_lane(to, v, 0)
        v128.store32_lane(to, v, 1, 16)
        v128.store32_lane(to, v, 2, 32)
        v128.store32_lane(to, v, 3, 48)
        to += 64
      }
      // Even lanes sum k%4 < 2, odd lanes the rest.
      pairs = i16x8.add(pairs, v128.shuffle<u32>(pairs, pairs, 2, 3, 0, 1))
      pairs = i16x8.add(pairs, v128.shuffle<u32>(pairs, pairs, 1, 0, 3, 2))
      const scale = largest / 127
      v128.store32_lane(to, scaledSum<D>(pairs, <i16>-zeroLevel<F>()), 0)
      store<f32>(to, scale, 16)
      store<f32>(to, scale * <f32>(i16x8.extract_lane_s(pairs, 0) + i16x8.extract_lane_s(pairs, 1)), 32)
    }
    tile += bytes + 48
  }
}

/** 14-bit integers, a scale for each token. */
export function pack16(x: usize, stride: usize, rows: i32, cols: i32, tile: usize): void {
  const sums = tile + 8 * cols, scales = sums + cols / 2
  if (rows < TILE) memory.fill(tile, 0, <usize>(cols / BLOCK) * TILE16 + 16)
  for (let t = 0; t < rows; t++) {
    let from = x + <usize>t * stride, to = tile + 4 * t, sumAt = sums + 4 * t
    let m = f32x4.splat(0)
    for (let i = 0; i < 4 * cols; i += 16) m = f32x4.max(m, f32x4.abs(v128.load(from + i)))
    const largest = maxLanes(m)
    const inverse = f32x4.splat(largest > 0 ? <f32>8191 / largest : 0)
    for (let k = 0; k < cols; k += BLOCK) {
      let sum = i32x4.splat(0)
      for (let i = 0; i < 4; i++) {
        const v = roundToShorts(from, inverse)
        sum = i32x4.add(sum, i32x4.extadd_pairwise_i16x8_s(v))
        v128.store32_lane(to, v, 0)
        v128.store32_lane(to, v, 1, 16)
        v128.store32_lane(to, v, 2, 32)
        v128.store32_lane(to, v, 3, 48)
        from += 32
        to += 64
      }
      store<f32>(sumAt, sumLanes(f32x4.convert_i32x4_s(sum)))
      sumAt += 16
    }
    store<f32>(scales + 4 * t, largest / 8191)
  }
}

/** f32, as they are. */
export function pack32(x: usize, stride: usize, rows: i32, cols: i32, tile: usize): void {
  if (rows < TILE) memory.fill(tile, 0, <usize>(cols / BLOCK) * TILE32)
  for (let t = 0; t < rows; t++) {
    const from = x + <usize>t * stride, to = tile + 4 * t
    for (let k = 0; k < cols; k++) store<f32>(to + 16 * k, load<f32>(from + 4 * k))
  }
}
