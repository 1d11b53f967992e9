import { exp } from '../lib/exp'
import { inverseRms } from '../ops/norm'
import { float, int, rowOf, word } from '../ops/args'
import { rotate } from '../ops/rotate'
import { madd, sumLanes } from '../lib/simd'

/** copy: x 0-1, out 2-3, cols 4 */
export function copy(args: usize, first: i32, last: i32): void {
  for (let r = first; r < last; r++) memory.copy(rowOf(args, 2, r), rowOf(args, 0, r), 4 * int(args, 4))
}

/** The gradient of x in rms(x) · weight: f · weight · grad − x · f³ · mean(x · weight · grad). With `add` it is added to out. */
@inline function back(x: usize, weight: usize, grad: usize, cols: i32, eps: f32, add: bool, out: usize): void {
  const factor = inverseRms(x, cols, eps)
  let along = f32x4.splat(0)
  for (let i: usize = 0, end: usize = 4 * cols; i < end; i += 16) {
    along = madd(f32x4.mul(v128.load(x + i), v128.load(weight + i)), v128.load(grad + i), along)
  }
  const f = f32x4.splat(factor), pull = f32x4.splat(-factor * factor * factor * (sumLanes(along) / <f32>cols))
  for (let i: usize = 0, end: usize = 4 * cols; i < end; i += 16) {
    const own = madd(v128.load(x + i), pull, f32x4.mul(f32x4.mul(v128.load(weight + i), v128.load(grad + i)), f))
    v128.store(out + i, add ? f32x4.add(v128.load(out + i), own) : own)
  }
}

/** normBack: x 0-1, weight 2, grad 3-4, out 5-6, cols 7, eps 8, add 9 */
export function normBack(args: usize, first: i32, last: i32): void {
  for (let r = first; r < last; r++) {
    back(rowOf(args, 0, r), word(args, 2), rowOf(args, 3, r), int(args, 7), float(args, 8), int(args, 9) != 0, rowOf(args, 5, r))
  }
}

/** normRopeBack: x 0-1, weight 2, grad 3-4, angles 5-6, heads 7, headDim 8, eps 9 */
export function normRopeBack(args: usize, first: i32, last: i32): void {
  const dim = int(args, 8)
  for (let r = first; r < last; r++) {
    for (let h = 0; h < int(args, 7); h++) {
      const at = 4 * h * dim, grad = rowOf(args, 3, r) + at
      rotate(grad, rowOf(args, 5, r), dim, true)
      back(rowOf(args, 0, r) + at, word(args, 2), grad, dim, float(args, 9), false, grad)
    }
  }
}

/** gateBack: gate 0-1, up 2-3, grad 4-5, gradients of gate 6-7 and up 8-9, cols 10 */
export function gateBack(args: usize, first: i32, last: i32): void {
  for (let r = first; r < last; r++) {
    const gate = rowOf(args, 0, r), up = rowOf(args, 2, r), grad = rowOf(args, 4, r)
    const gateGrad = rowOf(args, 6, r), upGrad = rowOf(args, 8, r)
    for (let i: usize = 0, end: usize = 4 * int(args, 10); i < end; i += 16) {
      const x = v128.load(gate + i), d = v128.load(grad + i), squares = f32x4.mul(x, x)
      // gelu(x) = x · s with s = sigmoid(2u), as in `lib/exp.ts`.
      const u = f32x4.mul(x, madd(squares, f32x4.splat(-0.07135481627159), f32x4.splat(-1.5957691216057308)))
      const s = f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp(u)))
      const slope = f32x4.mul(f32x4.mul(x, s), f32x4.sub(f32x4.splat(1), s))
      const inner = madd(squares, f32x4.splat(0.21406444881477), f32x4.splat(1.5957691216057308))
      v128.store(upGrad + i, f32x4.mul(d, f32x4.mul(x, s)))
      v128.store(gateGrad + i, f32x4.mul(f32x4.mul(d, v128.load(up + i)), madd(slope, inner, s)))
    }
  }
}
