import { halfFactor, halfMask } from '../lib/half'
import { F16, F32, Fold16, panel16Bytes } from '../lib/layout'
import { roundToInt } from '../lib/simd'
import { Brain, firstRows, Half, lastRows, rowBytes, Single } from './floats'

/*
 * Float weights as 15-bit integers, with a scale for 16 columns of a row: a panel of i16 that folds as `Fold16`. With activations of 14
 * bits a fold's sums fit in an i32: 16 · 8191 · 16383 < 2³¹.
 */
const COLUMNS = 16
const LEVEL: f32 = 16383

export function shorten(type: i32, group: usize, cols: i32, panel: usize): void {
  if (type == F32) shortenAs<Single>(group, cols, panel)
  else if (type == F16) shortenAs<Half>(group, cols, panel)
  else shortenAs<Brain>(group, cols, panel)
}

function shortenAs<W>(group: usize, cols: i32, panel: usize): void {
  const mask = halfMask(), factor = halfFactor(), none = f32x4.splat(0), most = f32x4.splat(LEVEL)
  const bytes = COLUMNS * rowBytes<W>()
  for (const end = panel + (cols / COLUMNS) * panel16Bytes<Fold16>(); panel < end; panel += 32) {
    let m0 = none, m1 = none
    const last = group + bytes
    for (let at = group; at < last; at += rowBytes<W>()) {
      m0 = f32x4.max(m0, f32x4.abs(firstRows<W>(at, mask, factor)))
      m1 = f32x4.max(m1, f32x4.abs(lastRows<W>(at, mask, factor)))
    }
    const i0 = v128.and(f32x4.div(most, m0), f32x4.gt(m0, none)), i1 = v128.and(f32x4.div(most, m1), f32x4.gt(m1, none))
    for (; group < last; group += 4 * rowBytes<W>(), panel += 64) {
      const k1 = group + rowBytes<W>(), k2 = k1 + rowBytes<W>(), k3 = k2 + rowBytes<W>()
      v128.store(panel, pairsOf(firstRows<W>(group, mask, factor), firstRows<W>(k2, mask, factor), i0))
      v128.store(panel, pairsOf(lastRows<W>(group, mask, factor), lastRows<W>(k2, mask, factor), i1), 16)
      v128.store(panel, pairsOf(firstRows<W>(k1, mask, factor), firstRows<W>(k3, mask, factor), i0), 32)
      v128.store(panel, pairsOf(lastRows<W>(k1, mask, factor), lastRows<W>(k3, mask, factor), i1), 48)
    }
    v128.store(panel, f32x4.div(m0, most))
    v128.store(panel, f32x4.div(m1, most), 16)
  }
}

/** i16 [4 rows][2] of two columns times `inverse`. */
@inline function pairsOf(a: v128, b: v128, inverse: v128): v128 {
  const low = roundToInt(f32x4.mul(a, inverse)), high = roundToInt(f32x4.mul(b, inverse))
  return v128.or(v128.and(low, i32x4.splat(0xffff)), i32x4.shl(high, 16))
}
