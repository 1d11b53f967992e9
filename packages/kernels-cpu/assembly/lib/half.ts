/*
 * IEEE half to single by moving the bits and rescaling: exact for every finite value, subnormals included. Infinities
 * become 65536 and up: files hold none.
 */

/**
 * Where sign and magnitude of a half are after a shift by 13. Constants of {@link widenHalf}: V8 builds one anew
 * wherever it is used.
 */
@inline export function halfMask(): v128 { return i32x4.splat(0x8fffe000) }
/** 2^112, the difference of the exponents' biases. */
@inline export function halfFactor(): v128 { return f32x4.splat(reinterpret<f32>(0x77800000)) }

/** f32x4 of four halves, sign-extended to i32 lanes. */
@inline export function widenHalf(bits: v128, mask: v128, factor: v128): v128 {
  return f32x4.mul(v128.and(i32x4.shl(bits, 13), mask), factor)
}

/** The same for halves that are often subnormal, as the d of K-quants are: an f32 product of those takes 100 cycles. */
export function widenSmallHalf(bits: v128): v128 {
  const magnitude = v128.and(bits, i32x4.splat(0x7fff))
  const small = i32x4.lt_s(magnitude, i32x4.splat(0x400))
  const normal = f32x4.mul(i32x4.shl(v128.andnot(magnitude, small), 13), halfFactor())
  const unit = f32x4.splat(reinterpret<f32>(0x33800000)) // 2^-24
  const subnormal = f32x4.mul(f32x4.convert_i32x4_s(v128.and(magnitude, small)), unit)
  return v128.or(v128.or(normal, subnormal), v128.and(bits, i32x4.splat(0x80000000)))
}

/** f32x4 of the four bfloat16 in the low 16 bits of each i32 lane. */
@inline export function widenBrain(bits: v128): v128 {
  return i32x4.shl(bits, 16)
}

/** The bits of the half nearest to x, ties to even; x is not negative. What is too large becomes the largest. */
export function toHalf(x: f32): u16 {
  // x is below twice this power of two. Added to 2^13 times it, x is rounded to where the bits of a half end.
  const power = max(reinterpret<u32>(x) & 0x7f800000, 0x38800000), shifted = power + 0x06800000
  const units = reinterpret<u32>(x + reinterpret<f32>(shifted)) - shifted
  return <u16>min(((power >> 23) - 113 << 10) + units, 0x7bff)
}
