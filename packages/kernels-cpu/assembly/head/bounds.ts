import { halfFactor, halfMask, widenHalf } from '../lib/half'
import { madd, maxLanes } from '../lib/simd'

/*
 * How far a logit can be from what halves give (`halves.ts`): Σ over the blocks of |d| E + |d| ‖q‖ F. Of each group of
 * 8 rows the largest |d| and |d| ‖q‖ are kept, block by block: f32 pairs, computed once from the stored weights.
 *
 * E and F also cover what f32 rounds. Let u = 2⁻²⁴, n the number of blocks, at most 256, and M = Σ |d| ‖q‖ ‖v‖, which
 * is at least the sum of the sizes of a logit's terms.
 * - The logit itself rounds a term when it is converted and multiplied, and up to n times when it is added: to within
 *   (n + 3) u M. All before the token's scale: the multiplication by that keeps the order.
 * - What halves give has two terms a block, of together at most |d| (‖q‖ (‖v‖ + F) + 3 E), each rounded up to 2n + 4
 *   times: to within (2n + 5) u (M + 3 B), B being the bound.
 * - The bound is a sum of positive terms: to within (2n + 9) u B, the norms in it included.
 * - Rests v - σ y are rounded by 2u ‖v‖ at most, which is in F: 2u M.
 * - The ceiling is one more sum: u (M + 2 B).
 * Together less than (3n + 11) u M + (8n + 26) u B; what is added is 2⁻¹⁴ M and 2⁻¹⁰ B, more than (1024 u) M and
 * (16384 u) B.
 */

/** Most columns that the bound holds for. */
export const MOST_COLUMNS = 8192

/** Bytes of a group's entries. */
@inline export function boundBytes(cols: i32): usize { return <usize>(cols / 32) * 8 }

/** The entries of a group of Q8_0 rows, see `stored.ts`. */
export function rowBounds(group: usize, cols: i32, to: usize): void {
  const mask = halfMask(), factor = halfFactor()
  for (let end = to + boundBytes(cols); to < end; to += 8, group += 272) {
    let s0 = i32x4.splat(0), s1 = s0
    for (let i: usize = 0; i < 256; i += 32) {
      s0 = i32x4.add(s0, squares(v128.load(group + i, 16)))
      s1 = i32x4.add(s1, squares(v128.load(group + i, 32)))
    }
    const d0 = f32x4.abs(widenHalf(v128.load16x4_s(group), mask, factor))
    const d1 = f32x4.abs(widenHalf(v128.load16x4_s(group, 8), mask, factor))
    const n0 = f32x4.mul(d0, f32x4.sqrt(f32x4.convert_i32x4_s(s0)))
    const n1 = f32x4.mul(d1, f32x4.sqrt(f32x4.convert_i32x4_s(s1)))
    store<f32>(to, maxLanes(f32x4.max(d0, d1)))
    store<f32>(to, maxLanes(f32x4.max(n0, n1)), 4)
  }
}

/** i32x4: of four bytes each, Σ q². */
@inline function squares(q: v128): v128 {
  const a = i16x8.extend_low_i8x16_s(q), b = i16x8.extend_high_i8x16_s(q)
  const u = i32x4.dot_i16x8_s(a, a), v = i32x4.dot_i16x8_s(b, b)
  return i32x4.add(v128.shuffle<u32>(u, v, 0, 2, 4, 6), v128.shuffle<u32>(u, v, 1, 3, 5, 7))
}

/** f32x4: of each token of a tile, the bound for all rows of a group. */
export function errorBound(entries: usize, errors: usize, cols: i32): v128 {
  let e = f32x4.splat(0), f = e
  for (let end = entries + boundBytes(cols); entries < end; entries += 8, errors += 32) {
    e = madd(v128.load32_splat(entries), v128.load(errors), e)
    f = madd(v128.load32_splat(entries, 4), v128.load(errors, 16), f)
  }
  return f32x4.add(e, f)
}
