/** a · b + c. Fused where relaxed SIMD is available, so the two builds may differ in the last bit. */
@inline export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c)
  return f32x4.add(f32x4.mul(a, b), c)
}

/** i16x8 of the pair sums of i8 activations times 7-bit weights. Exact while |sum| <= 32767: weights stay below 64. */
@inline export function dot8(activations: v128, weights: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i16x8.relaxed_dot_i8x16_i7x16_s(activations, weights)
  return unreachable() // the plain build takes i16 activations, see `formOf`
}

@inline export function sumLanes(v: v128): f32 {
  const w = f32x4.add(v, v128.shuffle<u32>(v, v, 2, 3, 0, 1))
  return f32x4.extract_lane(w, 0) + f32x4.extract_lane(w, 1)
}

@inline export function maxLanes(v: v128): f32 {
  const w = f32x4.max(v, v128.shuffle<u32>(v, v, 2, 3, 0, 1))
  return max(f32x4.extract_lane(w, 0), f32x4.extract_lane(w, 1))
}
