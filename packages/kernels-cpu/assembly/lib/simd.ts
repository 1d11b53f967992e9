import { sumsQuads } from './layout'

/** a · b + c. Fused where relaxed SIMD is available, so the two builds may differ in the last bit. */
@inline export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

/** i16x8: a · b / 2¹⁵, rounded. Not both are -2¹⁵. */
@inline export function mulShares(a: v128, b: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i16x8.relaxed_q15mulr_s(a, b) : i16x8.q15mulr_sat_s(a, b)
}

/*
 * Sums of i8 activations times weights of up to 7 bits, in the form D of `lib/layout.ts`. Weights are the unsigned
 * operand, below 128, so no engine saturates.
 */

/** factor · Σx as the sum's lanes hold it. `pairs`: i16, in even lanes Σ over k%4 < 2, in odd ones Σ over the rest. */
@inline export function scaledSum<D>(pairs: v128, factor: i16): v128 {
  return sumsQuads<D>() ? i32x4.dot_i16x8_s(pairs, i16x8.splat(factor)) : i16x8.mul(pairs, i16x8.splat(factor))
}

/** A sum over 2^places, exact: it is a multiple of that in every lane. */
@inline export function shiftSum<D>(sum: v128, places: i32): v128 {
  return sumsQuads<D>() ? i32x4.shr_s(sum, places) : i16x8.shr_s(sum, places)
}

@inline export function addProducts<D>(sum: v128, activations: v128, weights: v128): v128 {
  // The plain build takes i16 activations instead, see `formOf`.
  if (!ASC_FEATURE_RELAXED_SIMD) return unreachable()
  if (sumsQuads<D>()) return i32x4.relaxed_dot_i8x16_i7x16_add_s(activations, weights, sum)
  return i16x8.add(sum, i16x8.relaxed_dot_i8x16_i7x16_s(activations, weights))
}

/** The sums as f32x4. `ones` is i16x8. */
@inline export function endSum<D>(sum: v128, ones: v128): v128 {
  return f32x4.convert_i32x4_s(sumsQuads<D>() ? sum : i32x4.dot_i16x8_s(sum, ones))
}

/** 1.5 · 2²³: added to a number below 2²² in size, it leaves the nearest integer (ties to even) in the lowest bits. */
const MAGIC: f32 = 12582912

/** x + MAGIC, see {@link roundToInt}. */
@inline export function addMagic(x: v128): v128 { return f32x4.add(x, f32x4.splat(MAGIC)) }
@inline export function takeMagic(x: v128): v128 { return f32x4.sub(x, f32x4.splat(MAGIC)) }

/** i32x4 of the nearest integers, for |x| < 2²². Two instructions; the engine's saturating conversion takes eight. */
@inline export function roundToInt(x: v128): v128 {
  return i32x4.sub(addMagic(x), i32x4.splat(reinterpret<i32>(MAGIC)))
}

/** i16x8 of the eight f32 at `x` times `factor`, rounded; the products are below 2¹⁵ in size. */
@inline export function roundToShorts(x: usize, factor: v128): v128 {
  return i16x8.narrow_i32x4_s(
    roundToInt(f32x4.mul(v128.load(x), factor)), roundToInt(f32x4.mul(v128.load(x, 16), factor)),
  )
}

@inline export function sumLanes(v: v128): f32 {
  const w = f32x4.add(v, v128.shuffle<u32>(v, v, 2, 3, 0, 1))
  return f32x4.extract_lane(w, 0) + f32x4.extract_lane(w, 1)
}

@inline export function maxLanes(v: v128): f32 {
  const w = f32x4.max(v, v128.shuffle<u32>(v, v, 2, 3, 0, 1))
  return max(f32x4.extract_lane(w, 0), f32x4.extract_lane(w, 1))
}

/** Entries of `table` by the bytes of `indices`, all below 16. */
@inline export function pick(table: v128, indices: v128): v128 {
  return ASC_FEATURE_RELAXED_SIMD ? i8x16.relaxed_swizzle(table, indices) : i8x16.swizzle(table, indices)
}

// Lane n of four vectors of 32-bit lanes, as one.
@inline export function lane0(a: v128, b: v128, c: v128, d: v128): v128 {
  return v128.shuffle<u64>(v128.shuffle<u32>(a, b, 0, 4, 1, 5), v128.shuffle<u32>(c, d, 0, 4, 1, 5), 0, 2)
}
@inline export function lane1(a: v128, b: v128, c: v128, d: v128): v128 {
  return v128.shuffle<u64>(v128.shuffle<u32>(a, b, 0, 4, 1, 5), v128.shuffle<u32>(c, d, 0, 4, 1, 5), 1, 3)
}
@inline export function lane2(a: v128, b: v128, c: v128, d: v128): v128 {
  return v128.shuffle<u64>(v128.shuffle<u32>(a, b, 2, 6, 3, 7), v128.shuffle<u32>(c, d, 2, 6, 3, 7), 0, 2)
}
@inline export function lane3(a: v128, b: v128, c: v128, d: v128): v128 {
  return v128.shuffle<u64>(v128.shuffle<u32>(a, b, 2, 6, 3, 7), v128.shuffle<u32>(c, d, 2, 6, 3, 7), 1, 3)
}

/** Each vector's sum, as `sumLanes` adds it. */
@inline export function sumsOf(a: v128, b: v128, c: v128, d: v128): v128 {
  return f32x4.add(
    f32x4.add(lane0(a, b, c, d), lane2(a, b, c, d)), f32x4.add(lane1(a, b, c, d), lane3(a, b, c, d)),
  )
}
/** Each vector's largest lane. */
@inline export function maximaOf(a: v128, b: v128, c: v128, d: v128): v128 {
  return f32x4.max(
    f32x4.max(lane0(a, b, c, d), lane1(a, b, c, d)), f32x4.max(lane2(a, b, c, d), lane3(a, b, c, d)),
  )
}

/** Sums of four tokens and 8 rows, times each token's scale, to `out`. */
@inline export function put4(
  f00: v128, f01: v128, f10: v128, f11: v128, f20: v128, f21: v128, f30: v128, f31: v128, scales: usize, out: usize, stride: usize,
): void {
  let q = v128.load32_splat(scales)
  v128.store(out, f32x4.mul(f00, q)); v128.store(out, f32x4.mul(f01, q), 16)
  out += stride
  q = v128.load32_splat(scales, 4)
  v128.store(out, f32x4.mul(f10, q)); v128.store(out, f32x4.mul(f11, q), 16)
  out += stride
  q = v128.load32_splat(scales, 8)
  v128.store(out, f32x4.mul(f20, q)); v128.store(out, f32x4.mul(f21, q), 16)
  out += stride
  q = v128.load32_splat(scales, 12)
  v128.store(out, f32x4.mul(f30, q)); v128.store(out, f32x4.mul(f31, q), 16)
}
