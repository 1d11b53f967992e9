import { widenHalf } from '../lib/half'
import { Q4_0, Q4_K, Q5_0, Q6_K } from '../lib/layout'
import { addProducts, endSum, halfSum, madd } from '../lib/simd'

/*
 * One token straight from the stored group (`repack.ts`): at decode there is nothing to reuse a panel for. Integer sums are exact in
 * any order, and the f32 operations are those of `gemm*x1` in the same order, so the results are the same bits.
 * Shifts are by constants, which x86 does in one instruction, hence the four quarters of a block written out.
 */

@inline function low(v: v128, mask: v128): v128 { return v128.and(v, mask) }
@inline function high(v: v128, mask: v128): v128 { return v128.and(i16x8.shr_u(v, 4), mask) }

function rowQ40<D>(group: usize, tile: usize, cols: i32, out: usize): void {
  const mask = i8x16.splat(15), ones = i16x8.splat(1)
  let f0 = f32x4.splat(0), f1 = f0
  for (let k = 0; k < cols; k += 32) {
    let a0 = halfSum<D>(v128.load32_splat(tile, 128)), a1 = a0
    for (let t = 0; t < 4; t++) {
      const x = v128.load32_splat(tile), y = v128.load32_splat(tile, 64)
      const v = v128.load(group), w = v128.load(group, 16)
      a0 = addProducts<D>(addProducts<D>(a0, x, low(v, mask)), y, high(v, mask))
      a1 = addProducts<D>(addProducts<D>(a1, x, low(w, mask)), y, high(w, mask))
      tile += 16
      group += 32
    }
    const q = v128.load32_splat(tile, 80), d = v128.load(group)
    f0 = madd(f32x4.mul(endSum<D>(a0, ones), q), widenHalf(i32x4.extend_low_i16x8_u(d)), f0)
    f1 = madd(f32x4.mul(endSum<D>(a1, ones), q), widenHalf(i32x4.extend_high_i16x8_u(d)), f1)
    tile += 112
    group += 16
  }
  v128.store(out, f0)
  v128.store(out, f1, 16)
}

function rowQ50<D>(group: usize, tile: usize, cols: i32, out: usize): void {
  const mask = i8x16.splat(15), bit = i8x16.splat(16), ones = i16x8.splat(1)
  let f0 = f32x4.splat(0), f1 = f0
  for (let k = 0; k < cols; k += 32) {
    const h0 = v128.load(group, 128), h1 = v128.load(group, 144)
    let a0 = v128.load32_splat(tile, 128), a1 = a0

    let x = v128.load32_splat(tile), y = v128.load32_splat(tile, 64)
    let v = v128.load(group), w = v128.load(group, 16)
    a0 = addProducts<D>(a0, x, v128.or(low(v, mask), v128.and(i16x8.shl(h0, 4), bit)))
    a1 = addProducts<D>(a1, x, v128.or(low(w, mask), v128.and(i16x8.shl(h1, 4), bit)))
    a0 = addProducts<D>(a0, y, v128.or(high(v, mask), v128.and(h0, bit)))
    a1 = addProducts<D>(a1, y, v128.or(high(w, mask), v128.and(h1, bit)))

    x = v128.load32_splat(tile, 16); y = v128.load32_splat(tile, 80)
    v = v128.load(group, 32); w = v128.load(group, 48)
    a0 = addProducts<D>(a0, x, v128.or(low(v, mask), v128.and(i16x8.shl(h0, 3), bit)))
    a1 = addProducts<D>(a1, x, v128.or(low(w, mask), v128.and(i16x8.shl(h1, 3), bit)))
    a0 = addProducts<D>(a0, y, v128.or(high(v, mask), v128.and(i16x8.shr_u(h0, 1), bit)))
    a1 = addProducts<D>(a1, y, v128.or(high(w, mask), v128.and(i16x8.shr_u(h1, 1), bit)))

    x = v128.load32_splat(tile, 32); y = v128.load32_splat(tile, 96)
    v = v128.load(group, 64); w = v128.load(group, 80)
    a0 = addProducts<D>(a0, x, v128.or(low(v, mask), v128.and(i16x8.shl(h0, 2), bit)))
    a1 = addProducts<D>(a1, x, v128.or(low(w, mask), v128.and(i16x8.shl(h1, 2), bit)))
    a0 = addProducts<D>(a0, y, v128.or(high(v, mask), v128.and(i16x8.shr_u(h0, 2), bit)))
    a1 = addProducts<D>(a1, y, v128.or(high(w, mask), v128.and(i16x8.shr_u(h1, 2), bit)))

    x = v128.load32_splat(tile, 48); y = v128.load32_splat(tile, 112)
    v = v128.load(group, 96); w = v128.load(group, 112)
    a0 = addProducts<D>(a0, x, v128.or(low(v, mask), v128.and(i16x8.shl(h0, 1), bit)))
    a1 = addProducts<D>(a1, x, v128.or(low(w, mask), v128.and(i16x8.shl(h1, 1), bit)))
    a0 = addProducts<D>(a0, y, v128.or(high(v, mask), v128.and(i16x8.shr_u(h0, 3), bit)))
    a1 = addProducts<D>(a1, y, v128.or(high(w, mask), v128.and(i16x8.shr_u(h1, 3), bit)))

    const q = v128.load32_splat(tile, 144), d = v128.load(group, 160)
    f0 = madd(f32x4.mul(endSum<D>(a0, ones), q), widenHalf(i32x4.extend_low_i16x8_u(d)), f0)
    f1 = madd(f32x4.mul(endSum<D>(a1, ones), q), widenHalf(i32x4.extend_high_i16x8_u(d)), f1)
    tile += 176
    group += 176
  }
  v128.store(out, f0)
  v128.store(out, f1, 16)
}

function rowQ4K<D>(group: usize, tile: usize, cols: i32, out: usize): void {
  const mask = i8x16.splat(15), ones = i16x8.splat(1)
  let f0 = f32x4.splat(0), f1 = f0
  for (let k = 0; k < cols; k += 256) {
    const d0 = widenHalf(v128.load16x4_u(group)), d1 = widenHalf(v128.load16x4_u(group, 8))
    const m0 = widenHalf(v128.load16x4_u(group, 16)), m1 = widenHalf(v128.load16x4_u(group, 24))
    group += 32
    for (let j = 0; j < 8; j++) {
      let a0 = i16x8.splat(0), a1 = a0
      for (let t = 0; t < 4; t++) {
        const x = v128.load32_splat(tile), y = v128.load32_splat(tile, 64)
        const v = v128.load(group), w = v128.load(group, 16)
        a0 = addProducts<D>(addProducts<D>(a0, x, low(v, mask)), y, high(v, mask))
        a1 = addProducts<D>(addProducts<D>(a1, x, low(w, mask)), y, high(w, mask))
        tile += 16
        group += 32
      }
      const q = v128.load32_splat(tile, 80), u = v128.load32_splat(tile, 96)
      const scales = v128.load8x8_u(group), mins = v128.load8x8_u(group, 8)
      f0 = madd(f32x4.mul(endSum<D>(a0, ones), q), f32x4.mul(d0, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(scales))), f0)
      f1 = madd(f32x4.mul(endSum<D>(a1, ones), q), f32x4.mul(d1, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(scales))), f1)
      f0 = madd(u, f32x4.neg(f32x4.mul(m0, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(mins)))), f0)
      f1 = madd(u, f32x4.neg(f32x4.mul(m1, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(mins)))), f1)
      tile += 112
      group += 16
    }
  }
  v128.store(out, f0)
  v128.store(out, f1, 16)
}

/** Weights of 6 bits from nibbles and the plane bits that `shifted` has at 4 and 5 of each byte. */
@inline function six(nibbles: v128, shifted: v128, bits: v128): v128 {
  return v128.or(nibbles, v128.and(shifted, bits))
}

function rowQ6K<D>(group: usize, tile: usize, cols: i32, out: usize): void {
  const mask = i8x16.splat(15), bits = i8x16.splat(48), ones = i16x8.splat(1)
  let f0 = f32x4.splat(0), f1 = f0
  for (let k = 0; k < cols; k += 256) {
    const d0 = widenHalf(v128.load16x4_u(group)), d1 = widenHalf(v128.load16x4_u(group, 8))
    group += 16
    for (let j = 0; j < 8; j++) {
      // The first fold of 16 columns: low nibbles.
      let h0 = v128.load(group, 128), h1 = v128.load(group, 144)
      let a0 = v128.load32_splat(tile, 64), a1 = a0
      let x = v128.load32_splat(tile)
      a0 = addProducts<D>(a0, x, six(low(v128.load(group), mask), i16x8.shl(h0, 4), bits))
      a1 = addProducts<D>(a1, x, six(low(v128.load(group, 16), mask), i16x8.shl(h1, 4), bits))
      x = v128.load32_splat(tile, 16)
      a0 = addProducts<D>(a0, x, six(low(v128.load(group, 32), mask), i16x8.shl(h0, 2), bits))
      a1 = addProducts<D>(a1, x, six(low(v128.load(group, 48), mask), i16x8.shl(h1, 2), bits))
      x = v128.load32_splat(tile, 32)
      a0 = addProducts<D>(a0, x, six(low(v128.load(group, 64), mask), h0, bits))
      a1 = addProducts<D>(a1, x, six(low(v128.load(group, 80), mask), h1, bits))
      x = v128.load32_splat(tile, 48)
      a0 = addProducts<D>(a0, x, six(low(v128.load(group, 96), mask), i16x8.shr_u(h0, 2), bits))
      a1 = addProducts<D>(a1, x, six(low(v128.load(group, 112), mask), i16x8.shr_u(h1, 2), bits))
      let q = v128.load32_splat(tile, 80), scales = v128.load8x8_s(group, 192)
      f0 = madd(f32x4.mul(endSum<D>(a0, ones), q), f32x4.mul(d0, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(scales))), f0)
      f1 = madd(f32x4.mul(endSum<D>(a1, ones), q), f32x4.mul(d1, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(scales))), f1)
      tile += 112

      // The second: high nibbles.
      h0 = v128.load(group, 160); h1 = v128.load(group, 176)
      a0 = v128.load32_splat(tile, 64); a1 = a0
      x = v128.load32_splat(tile)
      a0 = addProducts<D>(a0, x, six(high(v128.load(group), mask), i16x8.shl(h0, 4), bits))
      a1 = addProducts<D>(a1, x, six(high(v128.load(group, 16), mask), i16x8.shl(h1, 4), bits))
      x = v128.load32_splat(tile, 16)
      a0 = addProducts<D>(a0, x, six(high(v128.load(group, 32), mask), i16x8.shl(h0, 2), bits))
      a1 = addProducts<D>(a1, x, six(high(v128.load(group, 48), mask), i16x8.shl(h1, 2), bits))
      x = v128.load32_splat(tile, 32)
      a0 = addProducts<D>(a0, x, six(high(v128.load(group, 64), mask), h0, bits))
      a1 = addProducts<D>(a1, x, six(high(v128.load(group, 80), mask), h1, bits))
      x = v128.load32_splat(tile, 48)
      a0 = addProducts<D>(a0, x, six(high(v128.load(group, 96), mask), i16x8.shr_u(h0, 2), bits))
      a1 = addProducts<D>(a1, x, six(high(v128.load(group, 112), mask), i16x8.shr_u(h1, 2), bits))
      q = v128.load32_splat(tile, 80); scales = v128.load8x8_s(group, 200)
      f0 = madd(f32x4.mul(endSum<D>(a0, ones), q), f32x4.mul(d0, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(scales))), f0)
      f1 = madd(f32x4.mul(endSum<D>(a1, ones), q), f32x4.mul(d1, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(scales))), f1)
      tile += 112
      group += 208
    }
  }
  v128.store(out, f0)
  v128.store(out, f1, 16)
}

/** int8 activations. */
export function row8<D>(type: i32, group: usize, tile: usize, cols: i32, out: usize): void {
  if (type == Q5_0) rowQ50<D>(group, tile, cols, out)
  else if (type == Q4_K) rowQ4K<D>(group, tile, cols, out)
  else if (type == Q6_K) rowQ6K<D>(group, tile, cols, out)
  else if (type == Q4_0) rowQ40<D>(group, tile, cols, out)
  else unreachable()
}

/** Q8_0 with i16 activations. */
export function rowQ80(group: usize, tile: usize, cols: i32, out: usize): void {
  const end = tile + 8 * cols
  let f0 = f32x4.splat(0), f1 = f0
  while (tile < end) {
    let a0 = i32x4.splat(0), a1 = a0
    const last = tile + 256
    while (tile < last) {
      const w = v128.load(group)
      const t = v128.load32_splat(tile)
      a0 = i32x4.add(a0, i32x4.dot_i16x8_s(t, i16x8.extend_low_i8x16_s(w)))
      a1 = i32x4.add(a1, i32x4.dot_i16x8_s(t, i16x8.extend_high_i8x16_s(w)))
      group += 16
      tile += 16
    }
    const d = v128.load(group)
    f0 = madd(f32x4.convert_i32x4_s(a0), widenHalf(i32x4.extend_low_i16x8_u(d)), f0)
    f1 = madd(f32x4.convert_i32x4_s(a1), widenHalf(i32x4.extend_high_i16x8_u(d)), f1)
    group += 16
  }
  const q = v128.load32_splat(tile + cols / 2)
  v128.store(out, f32x4.mul(f0, q))
  v128.store(out, f32x4.mul(f1, q), 16)
}
