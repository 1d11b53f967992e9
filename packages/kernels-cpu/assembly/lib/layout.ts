// Memory layouts that several kernels share. All sizes are bytes.

/** Rows of a weight matrix that are stored, unpacked and multiplied together. */
export const GROUP = 8
/** Weights of a row that share a scale; the step of every k loop. */
export const BLOCK = 32
/** Tokens that a matrix tile handles together. */
export const TILE = 4
/** Slots of a cache's page, which attention takes at a time. */
export const PAGE = 128
/** Most rows that one call of a matrix product packs at a time. */
export const SLICE = 128

// Weight types, with the codes of `src/layout.ts`.
export const F32 = 0
export const F16 = 1
export const BF16 = 2
export const Q4_0 = 3
export const Q5_0 = 4
export const Q8_0 = 5
export const Q4_K = 6
export const Q6_K = 7
export const Q4_1 = 8
export const Q5_1 = 9
export const Q2_K = 10
export const Q3_K = 11
export const Q5_K = 12
export const IQ4_NL = 13
export const IQ4_XS = 14

@inline export function isFloat(type: i32): bool { return type == F32 || type == F16 || type == BF16 }

// Forms of keys and values, with the codes of `src/layout.ts`: as the files of `cache/` have them.
export const FLOATS = 0
export const SHORTS = 1
export const BYTES = 2

// A matrix descriptor: type, rows, cols, data, groupBytes (u32 each).
@inline export function matrixType(matrix: usize): i32 { return load<i32>(matrix) }
@inline export function matrixRows(matrix: usize): i32 { return load<i32>(matrix, 4) }
@inline export function matrixCols(matrix: usize): i32 { return load<i32>(matrix, 8) }
@inline export function matrixGroup(matrix: usize, group: i32): usize {
  return load<usize>(matrix, 12) + <usize>group * load<usize>(matrix, 16)
}

// Unpacked panels of one row group, and packed activations of one tile. Both are cut into folds: runs of columns that
// share a scale, 32 of them or 16.
/** Bytes of a fold: u8 weights [columns/4 steps][8 rows][4 k], f32 scales [8], and where the type has them f32 mins [8]. */
@inline export function panel8Bytes<F>(): i32 { return 8 * foldColumns<F>() + (hasMin<F>() ? 64 : 32) }
/** i16 weights [columns/2 pairs][8 rows][2 k], then as above. Of four k the first pair has 0 and 2, the second 1 and 3. */
@inline export function panel16Bytes<F>(): i32 { return 16 * foldColumns<F>() + (hasMin<F>() ? 64 : 32) }
// Of f32 weights, the largest of the panels: [columns][8 rows].

/**
 * A fold: i8 [columns/4 steps][4 tokens][4 k]; for each token 4 bytes where its sums begin, -zeroLevel · Σx (one i32,
 * or i16 over k%4 < 2 and i16 over the rest); f32[4] scales; f32[4] scale · Σx. The size is that of two folds of 16,
 * the larger case.
 */
export const TILE8 = 224
/**
 * i16 [all pairs][4 tokens][2 k], the pairs being those of the panel; then i32[4] Σ of each 16 columns, then f32[4]
 * scales. The size is of 32 columns and leaves the scales out.
 */
export const TILE16 = 288
// Of f32 activations: [columns][4 tokens].
/** Bytes of a whole tile of i16, its scales included. */
@inline export function tile16Bytes(cols: i32): usize { return 9 * cols + 16 }
/**
 * A line is a tile of one token: the same without [4 tokens], so a quarter of the bytes (here rounded up to whole vectors). What one
 * token multiplies is then close together, and leaves the first-level cache to the weights.
 */
@inline export function lineBytes(tile: usize): usize { return (tile / TILE + 15) & ~15 }

/*
 * How a type's products are folded to f32. Such classes are compile-time arguments of kernels and never made: their
 * methods are constants. `zeroLevel` is the unpacked u8 weight that stands for 0, the largest negative level of the
 * types that fold so.
 */
/** A scale for 32 columns. */
export class Fold32 {
  @inline columns(): i32 { return 32 }
  @inline hasMin(): bool { return false }
  @inline zeroLevel(): i32 { return 16 }
}
/** A scale and a min for 32 columns. */
export class Fold32Min {
  @inline columns(): i32 { return 32 }
  @inline hasMin(): bool { return true }
  @inline zeroLevel(): i32 { return 0 }
}
/** The same with levels of 5 bits: taken as signed ones, whose sums fit 16 bits, with a min that makes up for it. */
export class Fold32SignedMin {
  @inline columns(): i32 { return 32 }
  @inline hasMin(): bool { return true }
  @inline zeroLevel(): i32 { return 16 }
}
/** A scale for 16 columns. */
export class Fold16 {
  @inline columns(): i32 { return 16 }
  @inline hasMin(): bool { return false }
  @inline zeroLevel(): i32 { return 32 }
}
/** A scale and a min for 16 columns. */
export class Fold16Min {
  @inline columns(): i32 { return 16 }
  @inline hasMin(): bool { return true }
  @inline zeroLevel(): i32 { return 0 }
}

/** The methods of a class that is a compile-time argument. */
@inline export function traits<T>(): T { return changetype<T>(0) }
@inline export function foldColumns<F>(): i32 { return traits<F>().columns() }
@inline export function hasMin<F>(): bool { return traits<F>().hasMin() }
@inline export function zeroLevel<F>(): i32 { return traits<F>().zeroLevel() }

// How int8 products are summed: compile-time arguments too, with the same results. Which is faster is a matter of the
// machine.
/** Pairs to i16, 16 products a lane: two instructions where there is no dot product of four. */
export type Pairs = i8
/** Quads to i32: one instruction with AVX-VNNI or ARM's sdot. */
export type Quads = i16
@inline export function sumsQuads<D>(): bool { return sizeof<D>() == 2 }
