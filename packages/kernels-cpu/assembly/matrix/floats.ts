import { widenBrain, widenHalf } from '../lib/half'
import { traits } from '../lib/layout'

/*
 * Float weights as they are stored, [k][8 rows]: compile-time arguments, as the folds of `lib/layout.ts`. `mask` and `factor` are the
 * constants of `lib/half.ts`.
 */
export class Single {
  @inline bytes(): i32 { return 32 }
  @inline rows(at: usize, mask: v128, factor: v128): v128 { return v128.load(at) }
}
export class Half {
  @inline bytes(): i32 { return 16 }
  @inline rows(at: usize, mask: v128, factor: v128): v128 { return widenHalf(v128.load16x4_s(at), mask, factor) }
}
export class Brain {
  @inline bytes(): i32 { return 16 }
  @inline rows(at: usize, mask: v128, factor: v128): v128 { return widenBrain(v128.load16x4_u(at)) }
}

/** Bytes of the 8 rows of one k. */
@inline export function rowBytes<W>(): i32 { return traits<W>().bytes() }
/** f32x4 of rows 0 to 3 of the k at `at`. */
@inline export function firstRows<W>(at: usize, mask: v128, factor: v128): v128 { return traits<W>().rows(at, mask, factor) }
/** f32x4 of rows 4 to 7. */
@inline export function lastRows<W>(at: usize, mask: v128, factor: v128): v128 {
  return traits<W>().rows(at + rowBytes<W>() / 2, mask, factor)
}
