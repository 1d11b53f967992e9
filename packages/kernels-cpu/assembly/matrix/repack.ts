import { F32, GROUP, Q4_0, Q4_K, Q5_0, Q6_K, Q8_0 } from '../lib/layout'

/*
 * From GGML's rows of blocks to groups of 8 rows, at the file's density. A stored block holds 8 rows x 32 columns:
 *
 *   Q4_0  144 B  nibbles 128, d f16[8]
 *   Q5_0  176 B  nibbles 128, bit planes 32, d f16[8]
 *   Q8_0  272 B  i8 [16 pairs][8 rows][2], d f16[8]
 *   Q4_K 1184 B  (8 blocks) d f16[8], dmin f16[8], then per block: nibbles 128, scales u8[8], mins u8[8]
 *   Q6_K 1680 B  (8 blocks) d f16[8], then per block: nibbles 128, 2-bit planes 64, scales i8 [2][8]
 *   F16, BF16    u16 [k][8 rows];  F32 f32 [k][8 rows]
 *
 * Nibble byte 32t + 4row + c: element 4t + c in the low half, 16 + 4t + c in the high half.
 * Bit plane byte 4row + c: bit s is bit 4 of element 4s + c. 2-bit plane byte 32j + 4row + c: bits 2s, 2s+1 are bits 4 and 5
 * of element 16j + 4s + c.
 */

/** Repacks one group. `source`: its first row; rows at or past `rows` are zero. */
export function repackGroup(type: i32, source: usize, stride: usize, rows: i32, cols: i32, target: usize, bytes: usize): void {
  if (rows < GROUP) memory.fill(target, 0, bytes)
  for (let row = 0; row < min(rows, GROUP); row++) {
    const from = source + <usize>row * stride
    if (type == Q5_0) q50(from, row, cols, target)
    else if (type == Q8_0) q80(from, row, cols, target)
    else if (type == Q4_0) q40(from, row, cols, target)
    else if (type == Q4_K) q4k(from, row, cols, target)
    else if (type == Q6_K) q6k(from, row, cols, target)
    else if (type == F32) words32(from, row, cols, target)
    else words16(from, row, cols, target)
  }
}

function words32(from: usize, row: i32, cols: i32, to: usize): void {
  for (let k = 0; k < cols; k++) store<u32>(to + 32 * k + 4 * row, load<u32>(from + 4 * k))
}

function words16(from: usize, row: i32, cols: i32, to: usize): void {
  for (let k = 0; k < cols; k++) store<u16>(to + 16 * k + 2 * row, load<u16>(from + 2 * k))
}

@inline function nibbles(from: usize, row: i32, to: usize): void {
  for (let t = 0; t < 4; t++) store<u32>(to + 32 * t + 4 * row, load<u32>(from + 4 * t))
}

function q40(from: usize, row: i32, cols: i32, to: usize): void {
  for (let k = 0; k < cols; k += 32) {
    store<u16>(to + 128 + 2 * row, load<u16>(from))
    nibbles(from + 2, row, to)
    from += 18
    to += 144
  }
}

/** Bits c, c + 4, …, c + 28 of `word` as one byte. */
@inline function everyFourth(word: u32, c: u32): u32 {
  let x = (word >> c) & 0x11111111
  x = (x | (x >> 3)) & 0x03030303
  x = (x | (x >> 6)) & 0x000f000f
  return (x | (x >> 12)) & 0xff
}

function q50(from: usize, row: i32, cols: i32, to: usize): void {
  for (let k = 0; k < cols; k += 32) {
    store<u16>(to + 160 + 2 * row, load<u16>(from))
    const high = load<u32>(from, 2)
    for (let c: u32 = 0; c < 4; c++) store<u8>(to + 128 + 4 * row + c, everyFourth(high, c))
    nibbles(from + 6, row, to)
    from += 22
    to += 176
  }
}

function q80(from: usize, row: i32, cols: i32, to: usize): void {
  for (let k = 0; k < cols; k += 32) {
    store<u16>(to + 256 + 2 * row, load<u16>(from))
    for (let p = 0; p < 16; p++) store<u16>(to + 16 * p + 2 * row, load<u16>(from + 2 * p, 2))
    from += 34
    to += 272
  }
}

/** The 6-bit scale and min of sub-block j (ggml's `get_scale_min_k4`), min in the high byte. */
@inline function scaleMin(packed: usize, j: i32): u32 {
  if (j < 4) return (load<u8>(packed + j) & 63) | ((<u32>load<u8>(packed + j, 4) & 63) << 8)
  const both = <u32>load<u8>(packed + j, 4)
  const scale = (both & 15) | ((<u32>load<u8>(packed + j - 4) >> 6) << 4)
  const least = (both >> 4) | ((<u32>load<u8>(packed + j) >> 6) << 4)
  return scale | (least << 8)
}

function q4k(from: usize, row: i32, cols: i32, to: usize): void {
  for (let k = 0; k < cols; k += 256) {
    store<u16>(to + 2 * row, load<u16>(from))
    store<u16>(to + 16 + 2 * row, load<u16>(from, 2))
    for (let j = 0; j < 8; j++) {
      const block = to + 32 + 144 * j
      const pair = scaleMin(from + 4, j)
      store<u8>(block + 128 + row, pair)
      store<u8>(block + 136 + row, pair >> 8)
      const half = from + 16 + 32 * (j >> 1)
      const shift: u32 = 4 * (j & 1)
      for (let t = 0; t < 4; t++) {
        const low = (load<u32>(half + 4 * t) >> shift) & 0x0f0f0f0f
        const high = (load<u32>(half + 4 * t, 16) >> shift) & 0x0f0f0f0f
        store<u32>(block + 32 * t + 4 * row, low | (high << 4))
      }
    }
    from += 144
    to += 1184
  }
}

function q6k(from: usize, row: i32, cols: i32, to: usize): void {
  for (let k = 0; k < cols; k += 256) {
    store<u16>(to + 2 * row, load<u16>(from, 208))
    for (let b = 0; b < 8; b++) {
      const block = to + 16 + 208 * b
      const lane = b & 3
      const low4 = from + 64 * (b >> 2) + 32 * (lane & 1)
      const high2 = from + 128 + 32 * (b >> 2)
      const shift: u32 = 4 * (lane >> 1)
      for (let t = 0; t < 4; t++) {
        const low = (load<u32>(low4 + 4 * t) >> shift) & 0x0f0f0f0f
        const high = (load<u32>(low4 + 4 * t, 16) >> shift) & 0x0f0f0f0f
        store<u32>(block + 32 * t + 4 * row, low | (high << 4))
      }
      for (let j = 0; j < 2; j++) {
        let plane: u32 = 0
        for (let s = 0; s < 4; s++) plane |= ((load<u32>(high2 + 16 * j + 4 * s) >> (2 * lane)) & 0x03030303) << (2 * s)
        store<u32>(block + 128 + 32 * j + 4 * row, plane)
        store<i8>(block + 192 + 8 * j + row, load<i8>(from + 192 + 2 * b + j))
      }
    }
    from += 210
    to += 1680
  }
}
