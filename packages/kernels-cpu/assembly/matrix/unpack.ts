import { halfFactor, halfMask } from '../lib/half'
import {
  BF16, F16, F32, foldColumns, hasMin, panel16Bytes, panel8Bytes, traits, zeroLevel,
} from '../lib/layout'
import { Brain, firstRows, Half, lastRows, rowBytes } from './floats'
import {
  bitMask, bitPlane, blockBytes, byteMin, fourScales, headerBytes, headerMin, headerScale, isWide, levelBytes, levels,
  minOf, minPlace, nibbleMask, pairMask, pairPlane, scaleOf, Stored, unevenLevels, valuesOf,
} from './stored'
import { dispatch } from './types/dispatch'

/*
 * Stored groups (`stored.ts`) to panels (`lib/layout.ts`). Scales and mins leave here as f32, multiplied in ggml's
 * order, so that every precision sees the weights that ggml's own dequantisation gives.
 */

/** Types of up to 6 bits: unsigned bytes, moved to the zero level of their fold. */
export function unpack8(type: i32, group: usize, cols: i32, panel: usize): void {
  dispatch<Bytes>(type, group, panel, cols, 0)
}

/** Every quantised type: i16 values. */
export function unpack16(type: i32, group: usize, cols: i32, panel: usize): void {
  dispatch<Words>(type, group, panel, cols, 0)
}

/** Every type, as f32. */
export function unpack32(type: i32, group: usize, cols: i32, panel: usize): void {
  if (type == F32) memory.copy(panel, group, 32 * cols)
  else if (type == F16) widen<Half>(group, cols, panel)
  else if (type == BF16) widen<Brain>(group, cols, panel)
  else dispatch<Floats>(type, group, panel, cols, 0)
}

function widen<W>(group: usize, cols: i32, panel: usize): void {
  const mask = halfMask(), factor = halfFactor()
  for (let k = 0; k < cols; k++) {
    v128.store(panel, firstRows<W>(group, mask, factor))
    v128.store(panel, lastRows<W>(group, mask, factor), 16)
    group += rowBytes<W>()
    panel += 32
  }
}

/** How a form of panel is written: `step` puts levels [4 rows][4 columns] where rows 0 to 3 of that step are. */
class Bytes {
  @inline of<T>(group: usize, panel: usize, cols: i32, _: usize): void {
    if (isWide<T>() || !ASC_FEATURE_RELAXED_SIMD) unreachable()
    else unpack<T, Bytes>(group, panel, cols)
  }
  @inline stepBytes(): i32 { return 32 }
  @inline foldBytes<T>(): i32 { return panel8Bytes<T>() }
  @inline zero<T>(): i32 { return hasMin<T>() ? 0 : zeroLevel<T>() - traits<T>().zero() }
  @inline step<T>(level: v128, to: usize, zero: v128, table: v128, scale: v128, least: v128): void {
    v128.store(to, this.zero<T>() == 0 ? level : i8x16.add(level, zero))
  }
  @inline scales<T>(to: usize, scale: v128, least: v128): void {
    v128.store(to, scale)
    if (hasMin<T>()) v128.store(to, byteMin<T>(scale, least), 32)
  }
}

class Words {
  @inline of<T>(group: usize, panel: usize, cols: i32, _: usize): void { unpack<T, Words>(group, panel, cols) }
  @inline stepBytes(): i32 { return 64 }
  @inline foldBytes<T>(): i32 { return panel16Bytes<T>() }
  @inline zero<T>(): i32 { return traits<T>().zero() }
  @inline step<T>(level: v128, to: usize, zero: v128, table: v128, scale: v128, least: v128): void {
    const values = valuesOf<T>(level, zero, table)
    v128.store(to, i16x8.shr_s(i16x8.shl(values, 8), 8))
    v128.store(to, i16x8.shr_s(values, 8), 32)
  }
  @inline scales<T>(to: usize, scale: v128, least: v128): void {
    v128.store(to, scale)
    if (hasMin<T>()) v128.store(to, least, 32)
  }
}

class Floats {
  @inline of<T>(group: usize, panel: usize, cols: i32, _: usize): void { unpack<T, Floats>(group, panel, cols) }
  @inline stepBytes(): i32 { return 128 }
  @inline foldBytes<T>(): i32 { return 32 * foldColumns<T>() }
  @inline zero<T>(): i32 { return traits<T>().zero() }
  @inline step<T>(level: v128, to: usize, zero: v128, table: v128, scale: v128, least: v128): void {
    const values = valuesOf<T>(level, zero, table)
    for (let c = 0; c < 4; c++) {
      const weight = f32x4.mul(f32x4.convert_i32x4_s(i32x4.shr_s(i32x4.shl(values, 24 - 8 * c), 24)), scale)
      v128.store(to + 32 * c, hasMin<T>() ? f32x4.add(weight, least) : weight)
    }
  }
  @inline scales<T>(to: usize, scale: v128, least: v128): void {}
}

function unpack<T extends Stored, P>(group: usize, panel: usize, cols: i32): void {
  const four = nibbleMask(), two = pairMask<T>(), one = bitMask<T>(), table = unevenLevels()
  const zero = i8x16.splat(<i8>traits<P>().zero<T>())
  const mask = halfMask(), factor = halfFactor()
  // Rows 0 to 3, then rows 4 to 7.
  for (let half = 0; half < 2; half++) {
    let block = group, to = panel + 16 * half
    for (let column = 0; column < cols; column += traits<T>().run()) {
      const d = headerScale<T>(block + 8 * half, mask, factor), m = headerMin<T>(block + 8 * half, mask, factor)
      block += headerBytes<T>()
      for (let j = 0; j < traits<T>().run() / 32; j++) {
        sixteen<T, P>(block, half, to, false, four, two, one, zero, table, d, m)
        sixteen<T, P>(block, half, to, true, four, two, one, zero, table, d, m)
        block += blockBytes<T>()
        to += (32 / foldColumns<T>()) * traits<P>().foldBytes<T>()
      }
    }
  }
}

/** Sixteen columns of four rows. */
@inline function sixteen<T extends Stored, P>(
  block: usize, half: i32, panel: usize, high: bool, four: v128, two: v128, one: v128, zero: v128, table: v128,
  d: v128, m: v128,
): void {
  const form = traits<P>(), whole = foldColumns<T>() == 32
  const rows = block + 16 * half
  let to = panel + (high ? (whole ? 4 * form.stepBytes() : form.foldBytes<T>()) : 0)
  const own = block + levelBytes<T>() + 4 * half + (high && !whole ? 8 : 0)
  const scale = scaleOf<T>(d, fourScales<T>(own), false, four)
  const least = hasMin<T>() ? minOf<T>(m, fourScales<T>(own + minPlace<T>()), false, four) : m
  const pairs = pairPlane<T>(rows, high), bits = bitPlane<T>(rows)
  form.step<T>(levels<T>(rows, pairs, bits, high, 0, four, two, one), to, zero, table, scale, least)
  to += form.stepBytes()
  form.step<T>(levels<T>(rows, pairs, bits, high, 1, four, two, one), to, zero, table, scale, least)
  to += form.stepBytes()
  form.step<T>(levels<T>(rows, pairs, bits, high, 2, four, two, one), to, zero, table, scale, least)
  to += form.stepBytes()
  form.step<T>(levels<T>(rows, pairs, bits, high, 3, four, two, one), to, zero, table, scale, least)
  to += form.stepBytes()
  if (high || !whole) form.scales<T>(to, scale, least)
}
