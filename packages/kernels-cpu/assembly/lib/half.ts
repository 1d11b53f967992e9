// IEEE half to single by moving the bits and rescaling: exact for every finite value, subnormals included.

/** f32x4 of the four halves in the low 16 bits of each i32 lane. Infinities become 65536 and up: files hold none. */
@inline export function widenHalf(bits: v128): v128 {
  const magnitude = i32x4.shl(v128.and(bits, i32x4.splat(0x7fff)), 13)
  const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16)
  return v128.or(f32x4.mul(magnitude, f32x4.splat(reinterpret<f32>(0x77800000))), sign)
}

/** f32x4 of the four bfloat16 in the low 16 bits of each i32 lane. */
@inline export function widenBrain(bits: v128): v128 {
  return i32x4.shl(bits, 16)
}

/** Writes the f32 of 8 halves at `from` to `to`. */
@inline export function widenHalves(from: usize, to: usize): void {
  const bits = v128.load(from)
  v128.store(to, widenHalf(i32x4.extend_low_i16x8_u(bits)))
  v128.store(to, widenHalf(i32x4.extend_high_i16x8_u(bits)), 16)
}
