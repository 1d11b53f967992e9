/*
 * A ranking of `count` logits: f32 ids [count], then f32 logits [count], the largest first. Ids are offered in
 * ascending order, so a logit goes behind its equals. NaN and -Infinity never enter.
 */

/** A ranking of nothing. */
export function clear(ranking: usize, count: i32): void {
  for (let i = 0; i < count; i++) {
    store<f32>(ranking + 4 * i, -1)
    store<f32>(ranking + 4 * (count + i), -Infinity)
  }
}

/** What a logit has to exceed. */
@inline export function smallest(ranking: usize, count: i32): f32 {
  return load<f32>(ranking + 8 * count - 4)
}

/** Whether any of 8 logits exceeds `bound`. */
@inline export function anyAbove(logits: usize, bound: f32): bool {
  const b = f32x4.splat(bound)
  return v128.any_true(v128.or(f32x4.gt(v128.load(logits), b), f32x4.gt(v128.load(logits, 16), b)))
}

/** Takes a logit in where it exceeds the smallest, which then goes. */
export function offer(ranking: usize, count: i32, id: f32, logit: f32): void {
  if (!(logit > smallest(ranking, count))) return
  const logits = ranking + 4 * count
  let i = count - 1
  for (; i > 0 && load<f32>(logits + 4 * i - 4) < logit; i--) {
    store<f32>(logits + 4 * i, load<f32>(logits + 4 * i - 4))
    store<f32>(ranking + 4 * i, load<f32>(ranking + 4 * i - 4))
  }
  store<f32>(logits + 4 * i, logit)
  store<f32>(ranking + 4 * i, id)
}
