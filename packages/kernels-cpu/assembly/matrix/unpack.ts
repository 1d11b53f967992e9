import { widenBrain, widenHalf, widenHalves } from '../lib/half'
import { BF16, F16, F32, Fold16, Fold32, PANEL16, PANEL32, PANEL8, Q4_0, Q4_K, Q5_0, Q6_K, Q8_0, zeroLevel } from '../lib/layout'

/*
 * Stored groups (`repack.ts`) to panels (`lib/layout.ts`). Each type of up to 6 bits has one unpacker, to unsigned bytes; the
 * wider panels follow from these. Scales and mins leave here as f32, multiplied in ggml's order, so that every precision sees
 * the weights that ggml's own dequantisation gives.
 */

/** What is subtracted from a type's unpacked weights. */
function zeroOf(type: i32): i32 {
  return type == Q4_K ? 0 : type == Q6_K ? zeroLevel<Fold16>() : zeroLevel<Fold32>()
}

/** Columns 4t … of a nibble quarter, as steps t and t + 4. */
@inline function nibbleSteps(block: usize, to: usize, mask: v128): void {
  for (let t = 0; t < 4; t++) {
    const a = v128.load(block), b = v128.load(block, 16)
    v128.store(to, v128.and(a, mask))
    v128.store(to, v128.and(b, mask), 16)
    v128.store(to, v128.and(i16x8.shr_u(a, 4), mask), 128)
    v128.store(to, v128.and(i16x8.shr_u(b, 4), mask), 144)
    block += 32
    to += 32
  }
}

@inline function orInto(to: usize, bits: v128): void {
  v128.store(to, v128.or(v128.load(to), bits))
}

/** Levels move up by 8, to the zero of {@link zeroLevel}. */
function q40(group: usize, blocks: i32, panel: usize): void {
  const mask = i8x16.splat(15), eight = i8x16.splat(8)
  for (let b = 0; b < blocks; b++) {
    nibbleSteps(group, panel, mask)
    for (let i: usize = 0; i < 256; i += 16) v128.store(panel + i, i8x16.add(v128.load(panel + i), eight))
    widenHalves(group + 128, panel + 256)
    group += 144
    panel += PANEL8
  }
}

function q50(group: usize, blocks: i32, panel: usize): void {
  const mask = i8x16.splat(15), bit = i8x16.splat(16)
  for (let b = 0; b < blocks; b++) {
    nibbleSteps(group, panel, mask)
    for (let half = 0; half < 32; half += 16) {
      const plane = v128.load(group + half, 128)
      let to = panel + half
      for (let s = 0; s < 4; s++, to += 32) {
        orInto(to, v128.and(i16x8.shl(plane, 4 - s), bit))
        orInto(to + 128, v128.and(i16x8.shr_u(plane, s), bit))
      }
    }
    widenHalves(group + 160, panel + 256)
    group += 176
    panel += PANEL8
  }
}

function q4k(group: usize, blocks: i32, panel: usize): void {
  const mask = i8x16.splat(15)
  for (let b = 0; b < blocks; b += 8) {
    const dLow = widenHalf(v128.load16x4_u(group)), dHigh = widenHalf(v128.load16x4_u(group, 8))
    const mLow = widenHalf(v128.load16x4_u(group, 16)), mHigh = widenHalf(v128.load16x4_u(group, 24))
    group += 32
    for (let j = 0; j < 8; j++) {
      nibbleSteps(group, panel, mask)
      const scales = v128.load8x8_u(group, 128), mins = v128.load8x8_u(group, 136)
      v128.store(panel, f32x4.mul(dLow, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(scales))), 256)
      v128.store(panel, f32x4.mul(dHigh, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(scales))), 272)
      v128.store(panel, f32x4.neg(f32x4.mul(mLow, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_u(mins)))), 288)
      v128.store(panel, f32x4.neg(f32x4.mul(mHigh, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_u(mins)))), 304)
      group += 144
      panel += PANEL8
    }
  }
}

function q6k(group: usize, blocks: i32, panel: usize): void {
  const mask = i8x16.splat(15)
  for (let b = 0; b < blocks; b += 8) {
    const dLow = widenHalf(v128.load16x4_u(group)), dHigh = widenHalf(v128.load16x4_u(group, 8))
    group += 16
    for (let j = 0; j < 8; j++) {
      for (let part = 0; part < 32; part += 16) {
        const first = v128.load(group + part, 128), second = v128.load(group + part, 160)
        sixBits(group + part, first, second, panel + part, mask)
        sixBits(group + part + 32, i16x8.shr_u(first, 2), i16x8.shr_u(second, 2), panel + part + 32, mask)
        sixBits(group + part + 64, i16x8.shr_u(first, 4), i16x8.shr_u(second, 4), panel + part + 64, mask)
        sixBits(group + part + 96, i16x8.shr_u(first, 6), i16x8.shr_u(second, 6), panel + part + 96, mask)
      }
      for (let half = 0; half < 2; half++) {
        const scales = v128.load8x8_s(group + 8 * half, 192)
        v128.store(panel + 160 * half, f32x4.mul(dLow, f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(scales))), 128)
        v128.store(panel + 160 * half, f32x4.mul(dHigh, f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(scales))), 144)
      }
      group += 208
      panel += PANEL8
    }
  }
}

/** Step t of both halves of a Q6_K block: low nibbles and the planes' lowest two bits go to columns 4t, high ones to 16 + 4t. */
@inline function sixBits(nibbles: usize, first: v128, second: v128, to: usize, mask: v128): void {
  const v = v128.load(nibbles), two = i8x16.splat(3)
  v128.store(to, v128.or(v128.and(v, mask), i16x8.shl(v128.and(first, two), 4)))
  v128.store(to, v128.or(v128.and(i16x8.shr_u(v, 4), mask), i16x8.shl(v128.and(second, two), 4)), 160)
}

/** Types of up to 6 bits: unsigned bytes and f32 scales. */
export function unpack8(type: i32, group: usize, blocks: i32, panel: usize): void {
  if (type == Q5_0) q50(group, blocks, panel)
  else if (type == Q4_K) q4k(group, blocks, panel)
  else if (type == Q6_K) q6k(group, blocks, panel)
  else q40(group, blocks, panel)
}

/** Every quantised type: i16 weights with the zero point taken off. `bytes`: room for a PANEL8 of all blocks. */
export function unpack16(type: i32, group: usize, blocks: i32, panel: usize, bytes: usize): void {
  if (type == Q8_0) {
    for (let b = 0; b < blocks; b++) {
      for (let p = 0; p < 16; p++) {
        const pair = v128.load(group + 16 * p)
        v128.store(panel + 32 * p, i16x8.extend_low_i8x16_s(pair))
        v128.store(panel + 32 * p, i16x8.extend_high_i8x16_s(pair), 16)
      }
      widenHalves(group + 256, panel + 512)
      group += 272
      panel += PANEL16
    }
    return
  }
  unpack8(type, group, blocks, bytes)
  const folds = type == Q6_K ? 2 * blocks : blocks, steps = type == Q6_K ? 4 : 8, scales = type == Q6_K ? 32 : 64
  const zero = i16x8.splat(<i16>zeroOf(type)), none = i8x16.splat(0)
  for (let f = 0; f < folds; f++) {
    for (let s = 0; s < steps; s++) {
      for (let half = 0; half < 32; half += 16) {
        const w = v128.load(bytes + half)
        const first = v128.shuffle<i8>(w, none, 0, 16, 1, 16, 4, 16, 5, 16, 8, 16, 9, 16, 12, 16, 13, 16)
        const second = v128.shuffle<i8>(w, none, 2, 16, 3, 16, 6, 16, 7, 16, 10, 16, 11, 16, 14, 16, 15, 16)
        v128.store(panel + half, i16x8.sub(first, zero))
        v128.store(panel + half, i16x8.sub(second, zero), 32)
      }
      bytes += 32
      panel += 64
    }
    memory.copy(panel, bytes, scales)
    bytes += scales
    panel += scales
  }
}

/** Every type, as f32. `scratch`: room for a PANEL16 and a PANEL8 of all blocks. */
export function unpack32(type: i32, group: usize, blocks: i32, panel: usize, scratch: usize): void {
  if (type == F32) {
    memory.copy(panel, group, <usize>blocks * PANEL32)
    return
  }
  if (type == F16 || type == BF16) {
    for (let k = 0; k < blocks * 32; k++) {
      const bits = v128.load(group)
      const low = i32x4.extend_low_i16x8_u(bits), high = i32x4.extend_high_i16x8_u(bits)
      v128.store(panel, type == F16 ? widenHalf(low) : widenBrain(low))
      v128.store(panel, type == F16 ? widenHalf(high) : widenBrain(high), 16)
      group += 16
      panel += 32
    }
    return
  }
  unpack16(type, group, blocks, scratch, scratch + <usize>blocks * PANEL16)
  const folds = type == Q6_K ? 2 * blocks : blocks, pairs = type == Q6_K ? 8 : 16
  for (let f = 0; f < folds; f++) {
    const scales = scratch + 32 * pairs
    for (let p = 0; p < pairs; p++) {
      for (let half = 0; half < 32; half += 16) {
        const pair = v128.load(scratch + half), d = v128.load(scales + half)
        let even = f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_s(i32x4.shl(pair, 16), 16)), d)
        let odd = f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_s(pair, 16)), d)
        if (type == Q4_K) {
          const least = v128.load(scales + half, 32)
          even = f32x4.add(even, least)
          odd = f32x4.add(odd, least)
        }
        v128.store(panel + half, even)
        v128.store(panel + half, odd, 32)
      }
      scratch += 32
      panel += 64
    }
    scratch += type == Q6_K ? 32 : 64
  }
}
