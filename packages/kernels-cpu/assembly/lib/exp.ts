import { addMagic, madd, takeMagic } from './simd'

/** eˣ, relative error below 2e-7; exactly 0 below -87 and exactly 1 at 0. Inputs above 88 count as 88. */
@inline export function exp(x: v128): v128 {
  const t = f32x4.mul(f32x4.max(f32x4.min(x, f32x4.splat(88)), f32x4.splat(-87)), f32x4.splat(1.4426950408889634))
  const n = addMagic(t)
  const f = f32x4.sub(t, takeMagic(n))
  // Taylor series of 2^f on [-1/2, 1/2]: the term left out is below 6e-9.
  let p = madd(f32x4.splat(1.5252733804059841e-5), f, f32x4.splat(1.5403530393381608e-4))
  p = madd(p, f, f32x4.splat(1.3333558146428443e-3))
  p = madd(p, f, f32x4.splat(9.618129107628477e-3))
  p = madd(p, f, f32x4.splat(5.5504108664821580e-2))
  p = madd(p, f, f32x4.splat(0.24022650695910072))
  p = madd(p, f, f32x4.splat(0.6931471805599453))
  p = madd(p, f, f32x4.splat(1))
  const e = i32x4.add(p, i32x4.shl(n, 23))
  return v128.and(e, f32x4.gt(x, f32x4.splat(-87)))
}

@inline export function expScalar(x: f32): f32 {
  return f32x4.extract_lane(exp(f32x4.splat(x)), 0)
}

/** gelu in its tanh form, as x · sigmoid(2u): no tanh that could overflow. */
@inline export function gelu(x: v128): v128 {
  const u = f32x4.mul(x, madd(f32x4.mul(x, x), f32x4.splat(-0.07135481627159), f32x4.splat(-1.5957691216057308)))
  return f32x4.div(x, f32x4.add(f32x4.splat(1), exp(u)))
}
