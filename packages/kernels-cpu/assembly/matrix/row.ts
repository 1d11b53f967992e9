import { halfFactor, halfMask } from '../lib/half'
import { BF16, F16, F32, foldColumns, hasMin, traits, zeroLevel } from '../lib/layout'
import { addProducts, endSum, madd, shiftSum } from '../lib/simd'
import { Brain, Half, Single } from './floats'
import { foldSum } from './gemm16'
import { gemm32x1 } from './gemm32'
import {
  bitMask, bitPlane, blockBytes, byteMin, byteZero, eightScales, headerBytes, headerMin, headerScale,
  isWide, levelBytes, levels, minOf, minPlace, nibbleMask, pairMask, pairPlane, scaleOf, Stored, unevenLevels, valuesOf,
} from './stored'
import { dispatch } from './types/dispatch'

/*
 * One token straight from the stored group (`stored.ts`): at decode there is nothing to reuse a panel for. Integer sums
 * are exact in any order, and the f32 operations are those of `gemm*x4` in the same order, so the results are the same
 * bits.
 */

/** int8 activations: types of up to 6 bits. */
export function row8<D>(type: i32, group: usize, line: usize, cols: i32, out: usize): void {
  dispatch<Bytes<D>>(type, group, out, cols, line)
}

/** i16 activations: every quantised type. */
export function row16(type: i32, group: usize, line: usize, cols: i32, out: usize): void {
  dispatch<Words>(type, group, out, cols, line)
}

/** f32 activations: float types. */
export function row32(type: i32, group: usize, line: usize, cols: i32, out: usize): void {
  if (type == F32) gemm32x1<Single>(group, line, cols, out)
  else if (type == F16) gemm32x1<Half>(group, line, cols, out)
  else if (type == BF16) gemm32x1<Brain>(group, line, cols, out)
  else unreachable()
}

class Bytes<D> {
  @inline of<T>(group: usize, out: usize, cols: i32, line: usize): void {
    if (isWide<T>() || !ASC_FEATURE_RELAXED_SIMD) unreachable()
    else bytes<T, D>(group, line, cols, out)
  }
}

class Words {
  @inline of<T>(group: usize, out: usize, cols: i32, line: usize): void { words<T>(group, line, cols, out) }
}

function bytes<T extends Stored, D>(group: usize, line: usize, cols: i32, out: usize): void {
  const four = nibbleMask(), two = pairMask<T>(), one = bitMask<T>(), ones = i16x8.splat(1)
  const mask = halfMask(), factor = halfFactor()
  let f0 = f32x4.splat(0), f1 = f0
  for (let column = 0; column < cols; column += traits<T>().run()) {
    const d0 = headerScale<T>(group, mask, factor), d1 = headerScale<T>(group + 8, mask, factor)
    const m0 = headerMin<T>(group, mask, factor), m1 = headerMin<T>(group + 8, mask, factor)
    group += headerBytes<T>()
    for (let j = 0; j < traits<T>().run() / 32; j++) {
      const own = group + levelBytes<T>()
      let scales = eightScales<T>(own), mins = hasMin<T>() ? eightScales<T>(own + minPlace<T>()) : scales
      f0 = byteFold<T, D>(f0, group, false, line, false, four, two, one, ones, d0, m0, scales, mins)
      f1 = byteFold<T, D>(f1, group + 16, true, line, false, four, two, one, ones, d1, m1, scales, mins)
      line += foldColumns<T>() + 12
      if (foldColumns<T>() == 16) {
        scales = mins = eightScales<T>(own + 8)
        f0 = byteFold<T, D>(f0, group, false, line, true, four, two, one, ones, d0, m0, scales, mins)
        f1 = byteFold<T, D>(f1, group + 16, true, line, true, four, two, one, ones, d1, m1, scales, mins)
        line += 28
      }
      group += blockBytes<T>()
    }
  }
  v128.store(out, f0)
  v128.store(out, f1, 16)
}

/** f and the products of a fold of four rows. `line`: the fold's. */
@inline function byteFold<T extends Stored, D>(
  f: v128, rows: usize, last: bool, line: usize, high: bool, four: v128, two: v128, one: v128, ones: v128,
  d: v128, m: v128, scales: v128, mins: v128,
): v128 {
  const bits = bitPlane<T>(rows)
  const end = line + foldColumns<T>()
  let sum = byteZero<T>() == 0
    ? i32x4.splat(0)
    : shiftSum<D>(v128.load32_splat(end), ctz(zeroLevel<T>() / byteZero<T>()))
  let pairs = pairPlane<T>(rows, high)
  sum = addProducts<D>(sum, v128.load32_splat(line), levels<T>(rows, pairs, bits, high, 0, four, two, one))
  sum = addProducts<D>(sum, v128.load32_splat(line, 4), levels<T>(rows, pairs, bits, high, 1, four, two, one))
  sum = addProducts<D>(sum, v128.load32_splat(line, 8), levels<T>(rows, pairs, bits, high, 2, four, two, one))
  sum = addProducts<D>(sum, v128.load32_splat(line, 12), levels<T>(rows, pairs, bits, high, 3, four, two, one))
  if (foldColumns<T>() == 32) {
    pairs = pairPlane<T>(rows, true)
    sum = addProducts<D>(sum, v128.load32_splat(line, 16), levels<T>(rows, pairs, bits, true, 0, four, two, one))
    sum = addProducts<D>(sum, v128.load32_splat(line, 20), levels<T>(rows, pairs, bits, true, 1, four, two, one))
    sum = addProducts<D>(sum, v128.load32_splat(line, 24), levels<T>(rows, pairs, bits, true, 2, four, two, one))
    sum = addProducts<D>(sum, v128.load32_splat(line, 28), levels<T>(rows, pairs, bits, true, 3, four, two, one))
  }
  const scale = scaleOf<T>(d, scales, last, four)
  f = madd(f32x4.mul(endSum<D>(sum, ones), v128.load32_splat(end, 4)), scale, f)
  return hasMin<T>() ? madd(v128.load32_splat(end, 8), byteMin<T>(scale, minOf<T>(m, mins, last, four)), f) : f
}

function words<T extends Stored>(group: usize, line: usize, cols: i32, out: usize): void {
  const four = nibbleMask(), two = pairMask<T>(), one = bitMask<T>(), even = i16x8.splat(255), table = unevenLevels()
  const mask = halfMask(), factor = halfFactor()
  let sums = line + 2 * cols
  let f0 = f32x4.splat(0), f1 = f0
  for (let column = 0; column < cols; column += traits<T>().run()) {
    const d0 = headerScale<T>(group, mask, factor), d1 = headerScale<T>(group + 8, mask, factor)
    const m0 = headerMin<T>(group, mask, factor), m1 = headerMin<T>(group + 8, mask, factor)
    group += headerBytes<T>()
    for (let j = 0; j < traits<T>().run() / 32; j++) {
      const own = group + levelBytes<T>()
      let scales = eightScales<T>(own), mins = hasMin<T>() ? eightScales<T>(own + minPlace<T>()) : scales
      f0 = wordFold<T>(f0, group, false, line, sums, false, four, two, one, even, table, d0, m0, scales, mins)
      f1 = wordFold<T>(f1, group + 16, true, line, sums, false, four, two, one, even, table, d1, m1, scales, mins)
      if (foldColumns<T>() == 16) {
        const x = line + 32, next = sums + 4
        scales = mins = eightScales<T>(own + 8)
        f0 = wordFold<T>(f0, group, false, x, next, true, four, two, one, even, table, d0, m0, scales, mins)
        f1 = wordFold<T>(f1, group + 16, true, x, next, true, four, two, one, even, table, d1, m1, scales, mins)
      }
      line += 64
      sums += 8
      group += blockBytes<T>()
    }
  }
  const q = v128.load32_splat(sums)
  v128.store(out, f32x4.mul(f0, q))
  v128.store(out, f32x4.mul(f1, q), 16)
}

/** f and the products of a fold of four rows. `sums`: where Σx of its first 16 columns is. */
@inline function wordFold<T extends Stored>(
  f: v128, rows: usize, last: bool, line: usize, sums: usize, high: bool, four: v128, two: v128, one: v128,
  even: v128, table: v128, d: v128, m: v128, scales: v128, mins: v128,
): v128 {
  let sum = sixteen<T>(i32x4.splat(0), rows, line, high, four, two, one, even, table)
  if (foldColumns<T>() == 32) sum = sixteen<T>(sum, rows, line + 32, true, four, two, one, even, table)
  if (traits<T>().zero() != 0) {
    let all = v128.load32_splat(sums)
    if (foldColumns<T>() == 32) all = i32x4.add(all, v128.load32_splat(sums, 4))
    sum = i32x4.sub(sum, i32x4.shl(all, ctz(traits<T>().zero())))
  }
  f = madd(f32x4.convert_i32x4_s(sum), scaleOf<T>(d, scales, last, four), f)
  return hasMin<T>() ? madd(foldSum<T>(sums, 4), minOf<T>(m, mins, last, four), f) : f
}

/** sum and the products of 16 columns. */
@inline function sixteen<T extends Stored>(
  sum: v128, rows: usize, line: usize, high: bool, four: v128, two: v128, one: v128, even: v128, table: v128,
): v128 {
  const pairs = pairPlane<T>(rows, high), bits = bitPlane<T>(rows)
  let level = levels<T>(rows, pairs, bits, high, 0, four, two, one)
  sum = addWords<T>(sum, v128.load32_splat(line), v128.load32_splat(line, 4), level, even, table)
  level = levels<T>(rows, pairs, bits, high, 1, four, two, one)
  sum = addWords<T>(sum, v128.load32_splat(line, 8), v128.load32_splat(line, 12), level, even, table)
  level = levels<T>(rows, pairs, bits, high, 2, four, two, one)
  sum = addWords<T>(sum, v128.load32_splat(line, 16), v128.load32_splat(line, 20), level, even, table)
  level = levels<T>(rows, pairs, bits, high, 3, four, two, one)
  return addWords<T>(sum, v128.load32_splat(line, 24), v128.load32_splat(line, 28), level, even, table)
}

/** sum and the products of four columns: x holds activations 0 and 2, y 1 and 3. Zero points are left to the caller. */
@inline function addWords<T extends Stored>(sum: v128, x: v128, y: v128, level: v128, even: v128, table: v128): v128 {
  const values = traits<T>().uneven() ? valuesOf<T>(level, even, table) : level
  const first = isWide<T>() ? i16x8.shr_s(i16x8.shl(values, 8), 8) : v128.and(values, even)
  const second = isWide<T>() ? i16x8.shr_s(values, 8) : i16x8.shr_u(values, 8)
  return i32x4.add(i32x4.add(sum, i32x4.dot_i16x8_s(x, first)), i32x4.dot_i16x8_s(y, second))
}
