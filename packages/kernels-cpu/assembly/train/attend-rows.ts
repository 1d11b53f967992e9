import { attentionScratch } from '../lib/config'
import { exp } from '../lib/exp'
import { madd, sumsOf } from '../lib/simd'
import { float, int, rowOf, word } from '../ops/args'

/*
 * Attention of a step's rows to each other, without pages. Up to four heads that share keys go together, a lane each: their scores lie
 * as [row seen][4], in a thread's scratch of attention, which has room for two such lists of 2048.
 *
 * Arguments: q 0-1, k 2-3, v 4-5, spans 6-7, sums 8-9, out 10-11, heads 12, kvHeads 13, headDim 14, scale 15; then of the gradients:
 * grad 16-17, shares 18-19, qGrad 20-21, kGrad 22-23, vGrad 24-25. Threads take rows, or keys, by turns: later ones see more.
 */
const Q = 0, K = 2, V = 4, SPANS = 6, SUMS = 8, OUT = 10, GRAD = 16, SHARES = 18, Q_GRAD = 20, K_GRAD = 22, V_GRAD = 24

@inline function weights(): usize { return attentionScratch() }
@inline function slopes(): usize { return attentionScratch() + 0x8000 }
@inline function dimOf(args: usize): i32 { return int(args, 14) }
@inline function group(args: usize): i32 { return int(args, 12) / int(args, 13) }
@inline function seenFrom(args: usize, row: i32): i32 { return <i32>load<f32>(rowOf(args, SPANS, row)) }
@inline function seenEnd(args: usize, row: i32, rows: i32): i32 { return min(rows, <i32>load<f32>(rowOf(args, SPANS, row) + 4)) }

/** Bytes from a head's vector to the next of those that go together; 0 where there is none: that one is computed twice for nothing. */
@inline function step(lane: i32, count: i32, dim: i32): usize { return lane < count ? 4 * lane * dim : 0 }

/** The products of four heads' vectors, from `heads` on, with one. */
@inline function dots(heads: usize, count: i32, x: usize, dim: i32): v128 {
  const h1 = heads + step(1, count, dim), h2 = heads + step(2, count, dim), h3 = heads + step(3, count, dim)
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0
  for (let i: usize = 0, end: usize = 4 * dim; i < end; i += 16) {
    const v = v128.load(x + i)
    a0 = madd(v, v128.load(heads + i), a0)
    a1 = madd(v, v128.load(h1 + i), a1)
    a2 = madd(v, v128.load(h2 + i), a2)
    a3 = madd(v, v128.load(h3 + i), a3)
  }
  return sumsOf(a0, a1, a2, a3)
}

/** Values of up to four heads, as lanes; what is left over repeats the first. */
@inline function lanes(at: usize, count: i32): v128 {
  return f32x4(
    load<f32>(at), load<f32>(at + (count > 1 ? 4 : 0)), load<f32>(at + (count > 2 ? 8 : 0)), load<f32>(at + (count > 3 ? 12 : 0)),
  )
}
@inline function storeLanes(at: usize, count: i32, v: v128): void {
  v128.store32_lane(at, v, 0)
  if (count > 1) v128.store32_lane(at + 4, v, 1)
  if (count > 2) v128.store32_lane(at + 8, v, 2)
  if (count > 3) v128.store32_lane(at + 12, v, 3)
}

/** out of each head = Σ_s list[s][head] · x[s]; x, the first row's vector, and its stride; 8 values at a time. */
function mix(list: usize, seen: i32, x: usize, stride: usize, dim: i32, count: i32, out: usize): void {
  for (let i: usize = 0, end: usize = 4 * dim; i < end; i += 32) {
    let a0 = f32x4.splat(0), b0 = a0, a1 = a0, b1 = a0, a2 = a0, b2 = a0, a3 = a0, b3 = a0
    let at = list, from = x + i
    for (let s = 0; s < seen; s++, at += 16, from += stride) {
      const u = v128.load(from), v = v128.load(from, 16)
      let w = v128.load32_splat(at)
      a0 = madd(w, u, a0); b0 = madd(w, v, b0)
      w = v128.load32_splat(at, 4)
      a1 = madd(w, u, a1); b1 = madd(w, v, b1)
      w = v128.load32_splat(at, 8)
      a2 = madd(w, u, a2); b2 = madd(w, v, b2)
      w = v128.load32_splat(at, 12)
      a3 = madd(w, u, a3); b3 = madd(w, v, b3)
    }
    const to = out + i
    v128.store(to, a0); v128.store(to, b0, 16)
    if (count > 1) { v128.store(to + step(1, count, dim), a1); v128.store(to + step(1, count, dim), b1, 16) }
    if (count > 2) { v128.store(to + step(2, count, dim), a2); v128.store(to + step(2, count, dim), b2, 16) }
    if (count > 3) { v128.store(to + step(3, count, dim), a3); v128.store(to + step(3, count, dim), b3, 16) }
  }
}

/** list[s] = the products of q's heads with each row of x. */
function score(list: usize, q: usize, count: i32, x: usize, stride: usize, seen: i32, dim: i32): void {
  for (let s = 0; s < seen; s++, list += 16, x += stride) v128.store(list, dots(q, count, x, dim))
}

export function attendRows(args: usize, rows: i32, part: i32, parts: i32): void {
  const dim = dimOf(args), all = group(args), scale = f32x4.splat(float(args, 15))
  for (let r = part; r < rows; r += parts) {
    const from = seenFrom(args, r), seen = seenEnd(args, r, rows) - from
    for (let h = 0; h < int(args, 12);) {
      const kv = h / all, count = min(4, (kv + 1) * all - h), own: usize = 4 * h * dim, shared: usize = 4 * kv * dim
      score(weights(), rowOf(args, Q, r) + own, count, rowOf(args, K, from) + shared, word(args, K + 1), seen, dim)
      let largest = f32x4.splat(-Infinity)
      for (let at = weights(), end = at + 16 * seen; at < end; at += 16) {
        const scores = f32x4.mul(v128.load(at), scale)
        v128.store(at, scores)
        largest = f32x4.max(largest, scores)
      }
      let total = f32x4.splat(0)
      for (let at = weights(), end = at + 16 * seen; at < end; at += 16) {
        const e = exp(f32x4.sub(v128.load(at), largest))
        v128.store(at, e)
        total = f32x4.add(total, e)
      }
      for (let at = weights(), end = at + 16 * seen; at < end; at += 16) v128.store(at, f32x4.div(v128.load(at), total))
      storeLanes(rowOf(args, SUMS, r) + 4 * h, count, f32x4.add(largest, logs(total)))
      mix(weights(), seen, rowOf(args, V, from) + shared, word(args, V + 1), dim, count, rowOf(args, OUT, r) + own)
      h += count
    }
  }
}

@inline function logs(x: v128): v128 {
  return f32x4(
    <f32>NativeMath.log(f32x4.extract_lane(x, 0)), <f32>NativeMath.log(f32x4.extract_lane(x, 1)),
    <f32>NativeMath.log(f32x4.extract_lane(x, 2)), <f32>NativeMath.log(f32x4.extract_lane(x, 3)),
  )
}

/** The gradient of q, and each row's share Σ p · (grad · v), which that of the keys needs. */
export function attendRowsBack(args: usize, rows: i32, part: i32, parts: i32): void {
  const dim = dimOf(args), all = group(args), scale = f32x4.splat(float(args, 15))
  for (let r = part; r < rows; r += parts) {
    const from = seenFrom(args, r), seen = seenEnd(args, r, rows) - from
    for (let h = 0; h < int(args, 12);) {
      const kv = h / all, count = min(4, (kv + 1) * all - h), own: usize = 4 * h * dim, shared: usize = 4 * kv * dim
      const keys = rowOf(args, K, from) + shared
      score(weights(), rowOf(args, Q, r) + own, count, keys, word(args, K + 1), seen, dim)
      score(slopes(), rowOf(args, GRAD, r) + own, count, rowOf(args, V, from) + shared, word(args, V + 1), seen, dim)
      const sums = lanes(rowOf(args, SUMS, r) + 4 * h, count)
      let share = f32x4.splat(0)
      for (let at: usize = 0, end: usize = 16 * seen; at < end; at += 16) {
        const p = exp(f32x4.sub(f32x4.mul(v128.load(weights() + at), scale), sums))
        v128.store(weights() + at, p)
        share = madd(p, v128.load(slopes() + at), share)
      }
      storeLanes(rowOf(args, SHARES, r) + 4 * h, count, share)
      for (let at: usize = 0, end: usize = 16 * seen; at < end; at += 16) {
        const slope = f32x4.mul(f32x4.mul(v128.load(weights() + at), scale), f32x4.sub(v128.load(slopes() + at), share))
        v128.store(slopes() + at, slope)
      }
      mix(slopes(), seen, keys, word(args, K + 1), dim, count, rowOf(args, Q_GRAD, r) + own)
      h += count
    }
  }
}

/** into += Σ over heads of w · x */
@inline function spread(into: usize, w: v128, x: usize, count: i32, dim: i32): void {
  const w0 = v128.shuffle<u32>(w, w, 0, 0, 0, 0), w1 = v128.shuffle<u32>(w, w, 1, 1, 1, 1)
  const w2 = v128.shuffle<u32>(w, w, 2, 2, 2, 2), w3 = v128.shuffle<u32>(w, w, 3, 3, 3, 3)
  const x1 = x + step(1, count, dim), x2 = x + step(2, count, dim), x3 = x + step(3, count, dim)
  for (let i: usize = 0, end: usize = 4 * dim; i < end; i += 16) {
    let sum = madd(w0, v128.load(x + i), v128.load(into + i))
    sum = madd(w1, v128.load(x1 + i), sum)
    sum = madd(w2, v128.load(x2 + i), sum)
    v128.store(into + i, madd(w3, v128.load(x3 + i), sum))
  }
}

/** The gradients of k and v, after all threads have done {@link attendRowsBack}: each key asks all rows that see it. */
export function attendKeysBack(args: usize, rows: i32, part: i32, parts: i32): void {
  const dim = dimOf(args), all = group(args), scale = f32x4.splat(float(args, 15))
  for (let s = part; s < rows; s += parts) {
    memory.fill(rowOf(args, K_GRAD, s), 0, 4 * int(args, 13) * dim)
    memory.fill(rowOf(args, V_GRAD, s), 0, 4 * int(args, 13) * dim)
    for (let r = 0; r < rows; r++) {
      if (s < seenFrom(args, r) || s >= seenEnd(args, r, rows)) continue
      for (let h = 0; h < int(args, 12);) {
        const kv = h / all, count = min(4, (kv + 1) * all - h), own: usize = 4 * h * dim, shared: usize = 4 * kv * dim
        const q = rowOf(args, Q, r) + own, grad = rowOf(args, GRAD, r) + own
        const sums = lanes(rowOf(args, SUMS, r) + 4 * h, count), share = lanes(rowOf(args, SHARES, r) + 4 * h, count)
        const scores = dots(q, count, rowOf(args, K, s) + shared, dim)
        // Lanes without a head count nothing.
        const p = v128.and(exp(f32x4.sub(f32x4.mul(scores, scale), sums)), heads(count))
        const slope = f32x4.sub(dots(grad, count, rowOf(args, V, s) + shared, dim), share)
        spread(rowOf(args, K_GRAD, s) + shared, f32x4.mul(f32x4.mul(p, scale), slope), q, count, dim)
        spread(rowOf(args, V_GRAD, s) + shared, p, grad, count, dim)
        h += count
      }
    }
  }
}

@inline function heads(count: i32): v128 { return i32x4.gt_s(i32x4.splat(count), i32x4(0, 1, 2, 3)) }
