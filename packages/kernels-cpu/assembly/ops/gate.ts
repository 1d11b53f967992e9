import { gelu } from '../lib/exp'
import { rowOf, int } from './args'

/** gate: out 0-1, up 2-3, cols 4. out = gelu(out) ⊙ up: what is left of gatedUp when its matrices lie in two memories. */
export function gate(args: usize, first: i32, last: i32): void {
  for (let r = first; r < last; r++) {
    const out = rowOf(args, 0, r), up = rowOf(args, 2, r)
    for (let i: usize = 0, end: usize = 4 * int(args, 4); i < end; i += 16) {
      v128.store(out + i, f32x4.mul(gelu(v128.load(out + i)), v128.load(up + i)))
    }
  }
}
