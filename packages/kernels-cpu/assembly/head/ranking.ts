import { GROUP } from '../lib/layout'

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

/** Offers eight logits at `logits`, or those of them below `limit`; `first` is the id of the first. */
export function offerGroup(ranking: usize, count: i32, first: i32, limit: i32, logits: usize): void {
  const bound = f32x4.splat(smallest(ranking, count))
  const above = v128.or(f32x4.gt(v128.load(logits), bound), f32x4.gt(v128.load(logits, 16), bound))
  if (!v128.any_true(above)) return
  for (let i = 0; i < min(GROUP, limit - first); i++) offer(ranking, count, <f32>(first + i), load<f32>(logits + 4 * i))
}
