/*
 * What the machine itself can do, measured by the loops that kernels would like to be: reading memory, and multiplying
 * bytes without ever folding a sum. Results are returned so that no engine can leave the work out.
 */

/** Reads [from, from + bytes), 64 bytes at a time, in one sequential stream. */
export function read(from: usize, bytes: usize): i32 {
  let a = i32x4.splat(0), b = a, c = a, d = a
  for (const end = from + bytes; from < end; from += 64) {
    a = v128.xor(a, v128.load(from))
    b = v128.xor(b, v128.load(from, 16))
    c = v128.xor(c, v128.load(from, 32))
    d = v128.xor(d, v128.load(from, 48))
  }
  return i32x4.extract_lane(v128.xor(v128.xor(a, b), v128.xor(c, d)), 0)
}

/**
 * Tiles of 4 tokens x 8 rows over 256 columns, `tiles` times: 8192 multiply-accumulates each, as int8 products are
 * summed where there is no better instruction (pairs in i16, which wrap). `operands`: 3 KiB, weights of 7 bits first.
 */
export function multiplyPairs(operands: usize, tiles: i32): i32 {
  let a00 = i16x8.splat(0), a01 = a00, a10 = a00, a11 = a00, a20 = a00, a21 = a00, a30 = a00, a31 = a00
  for (let tile = 0; tile < tiles; tile++) {
    let weights = operands, tokens = operands + 2048
    for (let k = 0; k < 64; k++) {
      const w0 = v128.load(weights), w1 = v128.load(weights, 16)
      let t = v128.load32_splat(tokens)
      a00 = i16x8.add(a00, i16x8.relaxed_dot_i8x16_i7x16_s(t, w0))
      a01 = i16x8.add(a01, i16x8.relaxed_dot_i8x16_i7x16_s(t, w1))
      t = v128.load32_splat(tokens, 4)
      a10 = i16x8.add(a10, i16x8.relaxed_dot_i8x16_i7x16_s(t, w0))
      a11 = i16x8.add(a11, i16x8.relaxed_dot_i8x16_i7x16_s(t, w1))
      t = v128.load32_splat(tokens, 8)
      a20 = i16x8.add(a20, i16x8.relaxed_dot_i8x16_i7x16_s(t, w0))
      a21 = i16x8.add(a21, i16x8.relaxed_dot_i8x16_i7x16_s(t, w1))
      t = v128.load32_splat(tokens, 12)
      a30 = i16x8.add(a30, i16x8.relaxed_dot_i8x16_i7x16_s(t, w0))
      a31 = i16x8.add(a31, i16x8.relaxed_dot_i8x16_i7x16_s(t, w1))
      weights += 32
      tokens += 16
    }
  }
  return anyOf(a00, a01, a10, a11, a20, a21, a30, a31)
}

/** As {@link multiplyPairs}, with the instruction that sums four products into i32, fast where the CPU has it. */
export function multiplyQuads(operands: usize, tiles: i32): i32 {
  let a00 = i32x4.splat(0), a01 = a00, a10 = a00, a11 = a00, a20 = a00, a21 = a00, a30 = a00, a31 = a00
  for (let tile = 0; tile < tiles; tile++) {
    let weights = operands, tokens = operands + 2048
    for (let k = 0; k < 64; k++) {
      const w0 = v128.load(weights), w1 = v128.load(weights, 16)
      let t = v128.load32_splat(tokens)
      a00 = i32x4.relaxed_dot_i8x16_i7x16_add_s(t, w0, a00)
      a01 = i32x4.relaxed_dot_i8x16_i7x16_add_s(t, w1, a01)
      t = v128.load32_splat(tokens, 4)
      a10 = i32x4.relaxed_dot_i8x16_i7x16_add_s(t, w0, a10)
      a11 = i32x4.relaxed_dot_i8x16_i7x16_add_s(t, w1, a11)
      t = v128.load32_splat(tokens, 8)
      a20 = i32x4.relaxed_dot_i8x16_i7x16_add_s(t, w0, a20)
      a21 = i32x4.relaxed_dot_i8x16_i7x16_add_s(t, w1, a21)
      t = v128.load32_splat(tokens, 12)
      a30 = i32x4.relaxed_dot_i8x16_i7x16_add_s(t, w0, a30)
      a31 = i32x4.relaxed_dot_i8x16_i7x16_add_s(t, w1, a31)
      weights += 32
      tokens += 16
    }
  }
  return anyOf(a00, a01, a10, a11, a20, a21, a30, a31)
}

@inline function anyOf(a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128): i32 {
  const low = v128.xor(v128.xor(a, b), v128.xor(c, d)), high = v128.xor(v128.xor(e, f), v128.xor(g, h))
  return i32x4.extract_lane(v128.xor(low, high), 0)
}
