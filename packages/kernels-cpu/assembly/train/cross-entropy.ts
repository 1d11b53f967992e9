import { exp } from '../lib/exp'
import { madd, maxLanes, sumLanes } from '../lib/simd'
import { int, rowOf, word } from '../ops/args'

/** Values that are added up in f32 before the sum goes on in f64. */
const RUN = 1024

/** The logarithm of Σ exp(x), in f64. */
function logSum(x: usize, end: usize): f64 {
  let largest = f32x4.splat(-Infinity)
  for (let at = x; at < end; at += 16) largest = f32x4.max(largest, v128.load(at))
  const top = maxLanes(largest), shift = f32x4.splat(top)
  let total: f64 = 0
  for (let at = x; at < end;) {
    let sum = f32x4.splat(0)
    for (const stop = min(end, at + 4 * RUN); at < stop; at += 16) sum = f32x4.add(sum, exp(f32x4.sub(v128.load(at), shift)))
    total += <f64>sumLanes(sum)
  }
  return <f64>top + NativeMath.log(total)
}

/** crossEntropy: logits 0-1, targets 2-3, other 4-5 (0: none), losses 6-7, cols 8, ids 9. Threads take rows by turns. */
export function crossEntropy(args: usize, rows: i32, part: i32, parts: i32): void {
  const count = int(args, 9), hasOther = word(args, 4) != 0
  for (let r = part; r < rows; r += parts) {
    const logits = rowOf(args, 0, r), end = logits + 4 * int(args, 8), targets = rowOf(args, 2, r)
    const ids = targets + 4, shares = ids + 4 * count
    const sum = logSum(logits, end)
    let loss: f64 = 0, weight: f64 = 0
    for (let n = 0; n < count; n++) {
      const id = <i32>load<f32>(ids + 4 * n)
      if (id < 0) continue
      const w = <f64>load<f32>(shares + 4 * n)
      loss += w * (sum - <f64>load<f32>(logits + 4 * id))
      weight += w
    }
    const divergence = hasOther ? besideOther(logits, end, rowOf(args, 4, r), sum, <f32>weight, load<f32>(targets)) : 0
    if (!hasOther) {
      const shift = f32x4.splat(<f32>sum), w = f32x4.splat(<f32>weight)
      for (let at = logits; at < end; at += 16) v128.store(at, f32x4.mul(w, exp(f32x4.sub(v128.load(at), shift))))
    }
    for (let n = 0; n < count; n++) {
      const id = <i32>load<f32>(ids + 4 * n)
      if (id >= 0) store<f32>(logits + 4 * id, load<f32>(logits + 4 * id) - load<f32>(shares + 4 * n))
    }
    store<f32>(rowOf(args, 6, r), <f32>loss)
    store<f32>(rowOf(args, 6, r), <f32>divergence, 4)
  }
}

/** logits become (weight + leash) · softmax(logits) − leash · softmax(other). @returns KL(softmax(other) ‖ softmax(logits)) */
function besideOther(logits: usize, end: usize, other: usize, sum: f64, weight: f32, leash: f32): f64 {
  const size = end - logits, otherSum = logSum(other, other + size)
  const shift = f32x4.splat(<f32>sum), otherShift = f32x4.splat(<f32>otherSum)
  const both = f32x4.splat(weight + leash), pull = f32x4.splat(-leash)
  let total: f64 = 0
  for (let at: usize = 0; at < size;) {
    let part = f32x4.splat(0)
    for (const stop = min(size, at + 4 * RUN); at < stop; at += 16) {
      const log = f32x4.sub(v128.load(logits + at), shift), otherLog = f32x4.sub(v128.load(other + at), otherShift)
      const q = exp(otherLog)
      part = madd(q, f32x4.sub(otherLog, log), part)
      v128.store(logits + at, madd(both, exp(log), f32x4.mul(pull, q)))
    }
    total += <f64>sumLanes(part)
  }
  return total
}
