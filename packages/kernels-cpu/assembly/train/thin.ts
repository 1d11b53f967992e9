import { float, int, rowOf, share, word } from '../ops/args'
import { madd, sumsOf } from '../lib/simd'

/*
 * Products with matrices that are learned: f32 rows in buffers. All widths are multiples of 4. An element's order of operations depends on
 * neither threads nor the rows beside it.
 */

/** times: x 0-1, matrix 2-3, out 4-5, cols 6, outs 7, scale 8, add 9 */
export function times(args: usize, first: i32, last: i32): void {
  const end: usize = 4 * int(args, 6), outs = int(args, 7), stride = word(args, 3)
  const scale = f32x4.splat(float(args, 8)), add = int(args, 9) != 0
  for (let r = first; r < last; r++) {
    const x = rowOf(args, 0, r), out = rowOf(args, 4, r)
    for (let o = 0; o < outs; o += 4) {
      const m0 = rowOf(args, 2, o), m1 = m0 + stride, m2 = m1 + stride, m3 = m2 + stride
      let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0
      for (let i: usize = 0; i < end; i += 16) {
        const v = v128.load(x + i)
        a0 = madd(v, v128.load(m0 + i), a0)
        a1 = madd(v, v128.load(m1 + i), a1)
        a2 = madd(v, v128.load(m2 + i), a2)
        a3 = madd(v, v128.load(m3 + i), a3)
      }
      const sums = f32x4.mul(scale, sumsOf(a0, a1, a2, a3)), at = out + 4 * o
      v128.store(at, add ? f32x4.add(v128.load(at), sums) : sums)
    }
  }
}

/** timesBack: y 0-1, matrix 2-3, out 4-5, cols 6, outs 7, scale 8, add 9 */
export function timesBack(args: usize, first: i32, last: i32): void {
  const end: usize = 4 * int(args, 6), outs = int(args, 7), stride = word(args, 3)
  const scale = f32x4.splat(float(args, 8)), add = int(args, 9) != 0
  for (let r = first; r < last; r++) {
    const out = rowOf(args, 4, r)
    for (let i: usize = 0; i < end; i += 16) {
      let y = rowOf(args, 0, r), m = word(args, 2) + i
      let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0
      for (let o = 0; o < outs; o += 4, y += 16, m += 4 * stride) {
        a0 = madd(v128.load32_splat(y), v128.load(m), a0)
        a1 = madd(v128.load32_splat(y, 4), v128.load(m + stride), a1)
        a2 = madd(v128.load32_splat(y, 8), v128.load(m + 2 * stride), a2)
        a3 = madd(v128.load32_splat(y, 12), v128.load(m + 3 * stride), a3)
      }
      const sum = f32x4.mul(scale, f32x4.add(f32x4.add(a0, a1), f32x4.add(a2, a3)))
      v128.store(out + i, add ? f32x4.add(v128.load(out + i), sum) : sum)
    }
  }
}

/** addOuter: y 0-1, x 2-3, out 4-5, cols 6, outs 7, scale 8. Threads share the rows of out; four rows of the step are added at a time. */
export function addOuter(args: usize, rows: i32, part: i32, parts: i32): void {
  const end: usize = 4 * int(args, 6), scale = f32x4.splat(float(args, 8))
  const from = share(int(args, 7), part, parts), to = share(int(args, 7), part + 1, parts)
  const whole = rows & -4
  for (let r = 0; r < whole; r += 4) {
    const x0 = rowOf(args, 2, r), x1 = rowOf(args, 2, r + 1), x2 = rowOf(args, 2, r + 2), x3 = rowOf(args, 2, r + 3)
    const y0 = rowOf(args, 0, r), y1 = rowOf(args, 0, r + 1), y2 = rowOf(args, 0, r + 2), y3 = rowOf(args, 0, r + 3)
    for (let o = from; o < to; o++) {
      const out = rowOf(args, 4, o)
      const s0 = f32x4.mul(scale, v128.load32_splat(y0 + 4 * o)), s1 = f32x4.mul(scale, v128.load32_splat(y1 + 4 * o))
      const s2 = f32x4.mul(scale, v128.load32_splat(y2 + 4 * o)), s3 = f32x4.mul(scale, v128.load32_splat(y3 + 4 * o))
      for (let i: usize = 0; i < end; i += 16) {
        let sum = madd(s0, v128.load(x0 + i), v128.load(out + i))
        sum = madd(s1, v128.load(x1 + i), sum)
        sum = madd(s2, v128.load(x2 + i), sum)
        v128.store(out + i, madd(s3, v128.load(x3 + i), sum))
      }
    }
  }
  for (let r = whole; r < rows; r++) {
    const x = rowOf(args, 2, r)
    for (let o = from; o < to; o++) {
      const out = rowOf(args, 4, o), s = f32x4.mul(scale, v128.load32_splat(rowOf(args, 0, r) + 4 * o))
      for (let i: usize = 0; i < end; i += 16) v128.store(out + i, madd(s, v128.load(x + i), v128.load(out + i)))
    }
  }
}
