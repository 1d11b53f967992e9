import { foldColumns, hasMin, traits, zeroLevel } from '../lib/layout'
import { widenHalf, widenSmallHalf } from '../lib/half'
import { pick } from '../lib/simd'

/*
 * How a quantised type lies in memory: groups of 8 rows, each a sequence of runs of 32 or 256 columns. A run:
 *
 *   f16[8] d; where the type has a min also f16[8] m
 *   for each block of 32 columns: the levels, 32 · bits bytes; then, in runs of 256, the block's own scales:
 *     a scale for 32 columns    i8[8] S; with a min also i8[8] M
 *     a scale for 16 columns    i8[2][8] S; with a min u8[2][8], S in the low half of the byte and M in the high half
 *
 * A level of n bits is cut into planes whose widths add up to n, the lowest bits first (6 = 4 + 2):
 *
 *   8 bits  [8 steps][8 rows][4 c]  element 4 step + c
 *   4 bits  [4 t][8 rows][4 c]      element 4t + c in the low half of the byte, 16 + 4t + c in the high half
 *   2 bits  [2 h][8 rows][4 c]      element 16h + 4t + c in bits 2t and 2t + 1
 *   1 bit   [8 rows][4 c]           element 4s + c in bit s
 */

/**
 * A quantised type: a class of compile-time constants and of how its blocks in a file are read. It is a subclass of
 * its fold.
 */
export interface Stored {
  /** Columns that share d: 32 or 256. */
  run(): i32
  /** Of a level: 2, 3, 4, 5, 6 or 8. */
  bits(): i32
  /** What is subtracted from a level, 0 or a power of two. */
  zero(): i32
  /** Whether a level is the number of one of the 16 of {@link unevenLevels}. */
  uneven(): bool

  /** Bytes of a row's block in the file, of `run` columns. */
  fileBytes(): i32
  /** Where d is in it, an f16; m follows. */
  fileScale(): i32
  /** Levels of columns 32j + 4t …, a byte each. */
  fileLevels(block: usize, j: i32, t: i32): u32
  /** The byte, or for {@link ownScales} of 16 bytes and folds of 32 the two bytes, that are stored for a fold. */
  fileScales(block: usize, fold: i32): u32
}

@inline export function headerBytes<T extends Stored>(): i32 { return hasMin<T>() ? 32 : 16 }
@inline export function levelBytes<T extends Stored>(): i32 { return 32 * traits<T>().bits() }
/** Bytes of a block's own scales. */
@inline export function ownScales<T extends Stored>(): i32 {
  return traits<T>().run() == 32 ? 0 : foldColumns<T>() == 32 && !hasMin<T>() ? 8 : 16
}
@inline export function blockBytes<T extends Stored>(): i32 { return levelBytes<T>() + ownScales<T>() }

/** Four rows of d as f32. `mask`, `factor`: of {@link widenHalf}. */
@inline export function headerScale<T extends Stored>(at: usize, mask: v128, factor: v128): v128 {
  const bits = v128.load16x4_s(at)
  return ownScales<T>() == 0 ? widenHalf(bits, mask, factor) : widenSmallHalf(bits)
}

/** Four rows of m, in types with scales of their own of -m: they subtract it. Nothing in types without a min. */
@inline export function headerMin<T extends Stored>(at: usize, mask: v128, factor: v128): v128 {
  if (!hasMin<T>()) return f32x4.splat(0)
  const m = headerScale<T>(at + 16, mask, factor)
  return ownScales<T>() == 0 ? m : f32x4.neg(m)
}

/** Own scales of eight rows at `at` as i16x8, for {@link scaleOf} and {@link minOf}. */
@inline export function eightScales<T extends Stored>(at: usize): v128 {
  if (ownScales<T>() == 0) return i32x4.splat(0)
  return packsMin<T>() ? v128.load8x8_u(at) : v128.load8x8_s(at)
}
/** Of four rows, in the low lanes. */
@inline export function fourScales<T extends Stored>(at: usize): v128 {
  if (ownScales<T>() == 0) return i32x4.splat(0)
  const bytes = v128.load32_zero(at)
  return packsMin<T>() ? i16x8.extend_low_i8x16_u(bytes) : i16x8.extend_low_i8x16_s(bytes)
}

@inline function times(header: v128, own: v128, last: bool): v128 {
  return f32x4.mul(header, f32x4.convert_i32x4_s(last ? i32x4.extend_high_i16x8_s(own) : i32x4.extend_low_i16x8_s(own)))
}

/**
 * The f32 scales of a fold's rows 0 to 3, with `last` of rows 4 to 7, and what is added to level · scale; in ggml's
 * order. `own`: S, and M, of the fold; where they share a byte, the bytes. `four`: {@link nibbleMask}.
 */
@inline export function scaleOf<T extends Stored>(d: v128, own: v128, last: bool, four: v128): v128 {
  return ownScales<T>() == 0 ? d : times(d, packsMin<T>() ? v128.and(own, four) : own, last)
}
@inline export function minOf<T extends Stored>(m: v128, own: v128, last: bool, four: v128): v128 {
  return ownScales<T>() == 0 ? m : times(m, packsMin<T>() ? i16x8.shr_u(own, 4) : own, last)
}
/** Where M is, from S on. */
@inline export function minPlace<T extends Stored>(): i32 { return packsMin<T>() ? 0 : 8 }

/** Whether S and M share a byte. */
@inline export function packsMin<T extends Stored>(): bool { return foldColumns<T>() == 16 && hasMin<T>() }

// Which planes a type has, where they are in a block, and the first bit of a level that they hold.
@inline export function hasNibbles<T extends Stored>(): bool { return (traits<T>().bits() & 4) != 0 }
@inline export function hasPairs<T extends Stored>(): bool { return (traits<T>().bits() & 2) != 0 }
@inline export function hasBits<T extends Stored>(): bool { return (traits<T>().bits() & 1) != 0 }
@inline export function pairPlace<T extends Stored>(): i32 { return hasNibbles<T>() ? 128 : 0 }
@inline export function bitPlace<T extends Stored>(): i32 { return 32 * (traits<T>().bits() - 1) }
@inline export function pairShift<T extends Stored>(): i32 { return hasNibbles<T>() ? 4 : 0 }
@inline export function bitShift<T extends Stored>(): i32 { return traits<T>().bits() - 1 }

/*
 * Levels of four rows of a block. `rows` is the block's address, plus 16 for rows 4 to 7; `high` stands for columns
 * 16 to 31. Masks are passed in, because V8 builds a constant anew wherever it is used.
 */
@inline export function pairPlane<T extends Stored>(rows: usize, high: bool): v128 {
  return hasPairs<T>() ? v128.load(rows + pairPlace<T>() + (high ? 32 : 0)) : i32x4.splat(0)
}
@inline export function bitPlane<T extends Stored>(rows: usize): v128 {
  return hasBits<T>() ? v128.load(rows + bitPlace<T>()) : i32x4.splat(0)
}
@inline export function nibbleMask(): v128 { return i8x16.splat(15) }
@inline export function pairMask<T extends Stored>(): v128 { return i8x16.splat(3 << <i8>pairShift<T>()) }
@inline export function bitMask<T extends Stored>(): v128 { return i8x16.splat(1 << <i8>bitShift<T>()) }

/** A plane's bit `from` of each byte moved to bit `to`, among others. By a constant: that is one instruction on x86. */
@inline function moved(plane: v128, from: i32, to: i32): v128 {
  return to > from ? i16x8.shl(plane, to - from) : to < from ? i16x8.shr_u(plane, from - to) : plane
}

/**
 * Unsigned levels of columns 4t …, with `high` 16 + 4t …, as bytes [4 rows][4 columns]. `four`, `two`, `one`: masks of
 * the planes.
 */
@inline export function levels<T extends Stored>(
  rows: usize, pairs: v128, bits: v128, high: bool, t: i32, four: v128, two: v128, one: v128,
): v128 {
  if (traits<T>().bits() == 8) return v128.load(rows + 32 * t + (high ? 128 : 0))
  let level = v128.and(moved(pairs, 2 * t, pairShift<T>()), two)
  if (hasNibbles<T>()) {
    const both = v128.load(rows + 32 * t), nibbles = v128.and(high ? i16x8.shr_u(both, 4) : both, four)
    level = hasPairs<T>() ? v128.or(nibbles, level) : nibbles
  }
  return hasBits<T>() ? v128.or(level, v128.and(moved(bits, high ? t + 4 : t, bitShift<T>()), one)) : level
}

/** Levels of IQ4_NL and IQ4_XS: ggml's `kvalues_iq4nl`. */
@inline export function unevenLevels(): v128 {
  return i8x16(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113)
}

/** What levels stand for, as signed bytes. `zero`: the type's in each byte; `table`: {@link unevenLevels}. */
@inline export function valuesOf<T extends Stored>(level: v128, zero: v128, table: v128): v128 {
  if (traits<T>().uneven()) return pick(table, level)
  return traits<T>().zero() == 0 ? level : i8x16.sub(level, zero)
}

/**
 * Whether values are signed bytes of 8 bits, for which int8 products have no room: the weight is their 7-bit operand.
 */
@inline export function isWide<T extends Stored>(): bool { return traits<T>().bits() == 8 || traits<T>().uneven() }

/** The level that int8 sums count from: the zero point, or where there is a min the zero level of the fold. */
@inline export function byteZero<T extends Stored>(): i32 { return hasMin<T>() ? zeroLevel<T>() : traits<T>().zero() }

/** The min that goes with {@link byteZero}. */
@inline export function byteMin<T extends Stored>(scale: v128, least: v128): v128 {
  return byteZero<T>() == 0 ? least : f32x4.add(least, f32x4.mul(scale, f32x4.splat(<f32>byteZero<T>())))
}
