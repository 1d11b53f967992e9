import { panelScratch, precision, quads, tileScratch } from '../lib/config'
import {
  BLOCK, F32, Fold16, Fold16Min, Fold32, Fold32Min, Fold32SignedMin, GROUP, IQ4_NL, IQ4_XS, isFloat, lineBytes,
  matrixCols, matrixGroup, matrixType, Pairs, Q2_K, Q3_K, Q4_1, Q4_K, Q5_1, Q5_K, Q6_K, Q8_0, Quads, TILE,
  tile16Bytes, TILE8, traits,
} from '../lib/layout'
import { Single } from './floats'
import { gemm16x4 } from './gemm16'
import { gemm32x1, gemm32x4 } from './gemm32'
import { complete, gemm7x4, pack7, TILE7 } from './gemm7'
import { gemm8x4 } from './gemm8'
import { line16, line8, pack16, pack32, pack8 } from './pack'
import { row16, row32, row8 } from './row'
import { shorten, shortened4 } from './shorten'
import { unpack16, unpack32, unpack8 } from './unpack'

/*
 * x · weightᵀ. Activations are packed once (`pack`), then each group of 8 weight rows is unpacked into the first-level
 * cache and used for every token. A product's bits depend on its token and its row only: not on threads, tiles or
 * slices.
 */

// What the tiles in this thread's scratch hold.
const NOTHING = -1
const BYTES32 = 0
const BYTES16 = 1
const WORDS = 2
const FLOATS = 3
const BYTES7 = 4
let packed: i32 = NOTHING

/** Whether the packed activations are an image's, see {@link newActivations}. */
let ofImage: bool = false

/** The form of activations that a weight type wants. */
function formOf(type: i32, cols: i32): i32 {
  if (precision() == 2) return FLOATS
  if (isFloat(type)) return ofImage && cols % 16 == 0 ? WORDS : FLOATS
  if (ASC_FEATURE_RELAXED_SIMD && ofImage && type == Q8_0) return BYTES7
  if (!ASC_FEATURE_RELAXED_SIMD || precision() == 1 || type == Q8_0 || type == IQ4_NL || type == IQ4_XS) return WORDS
  return type == Q6_K || type == Q3_K || type == Q2_K ? BYTES16 : BYTES32
}

@inline function tileBytes(form: i32, cols: i32): usize {
  const blocks = <usize>(cols / BLOCK)
  return form == FLOATS ? 16 * cols : form == WORDS ? tile16Bytes(cols) : blocks * (form == BYTES7 ? TILE7 : TILE8)
}

/**
 * Forget the packed activations: the next {@link multiply} reads `x` anew. `image`: they are an image's, which has many rows. Then where
 * precision allows float weights are taken as integers and Q8_0 meets activations of 7 bits; such results fill whole tiles, so `out`
 * has rows for the last one.
 */
export function newActivations(image: bool = false): void {
  ofImage = image && precision() == 0
  packed = NOTHING
}

/** Tiles of the first `whole` rows, then a line for each of the tokens that are left. Lines of f32 are the activations themselves. */
function pack(form: i32, x: usize, stride: usize, rows: i32, whole: i32, cols: i32): void {
  if (packed == form) return
  packed = form
  const bytes = tileBytes(form, cols)
  let tile = tileScratch(), row = 0
  for (; row < whole; row += TILE, x += TILE * stride, tile += bytes) {
    if (form == WORDS) pack16(x, stride, min(TILE, rows - row), cols, tile)
    else if (form == BYTES7) pack7(x, stride, min(TILE, rows - row), cols, tile)
    else if (form == FLOATS) pack32(x, stride, TILE, cols, tile)
    else if (quads()) packBytes<Quads>(form, x, stride, cols, tile)
    else packBytes<Pairs>(form, x, stride, cols, tile)
  }
  if (form == FLOATS) return
  for (; row < rows; row++, x += stride, tile += lineBytes(bytes)) {
    if (form == WORDS) line16(x, cols, tile)
    else if (quads()) lineOfBytes<Quads>(form, x, cols, tile)
    else lineOfBytes<Pairs>(form, x, cols, tile)
  }
}

function packBytes<D>(form: i32, x: usize, stride: usize, cols: i32, tile: usize): void {
  if (form == BYTES32) pack8<Fold32, D>(x, stride, TILE, cols, tile)
  else pack8<Fold16, D>(x, stride, TILE, cols, tile)
}

function lineOfBytes<D>(form: i32, x: usize, cols: i32, line: usize): void {
  if (form == BYTES32) line8<Fold32, D>(x, cols, line)
  else line8<Fold16, D>(x, cols, line)
}

/**
 * out[rows][8 (last - first)] = x[rows][cols] · weightᵀ for row groups [first, last), at most SLICE rows.
 * Strides are in bytes; `out` is the place of group `first` in the first row.
 */
export function multiply(
  matrix: usize, first: i32, last: i32, x: usize, stride: usize, rows: i32, out: usize, outStride: usize,
): void {
  const type = matrixType(matrix), cols = matrixCols(matrix)
  const form = formOf(type, cols), fills = form == BYTES7 || (form == WORDS && isFloat(type))
  const bytes = tileBytes(form, cols), whole = (fills ? rows + TILE - 1 : rows) & -TILE
  pack(form, x, stride, rows, whole, cols)
  const lines = form == FLOATS ? x + <usize>whole * stride : tileScratch() + <usize>(whole / TILE) * bytes
  const step = form == FLOATS ? stride : lineBytes(bytes)
  // Fewer tokens than a tile unpack nothing: memory is read once either way, and again from the first-level cache.
  const unpacks = whole > 0 || (form == FLOATS && !isFloat(type))
  for (let g = first; g < last; g++, out += 32) {
    const group = matrixGroup(matrix, g), panel = unpacks ? unpack(form, type, group, cols) : group
    let tile = tileScratch(), line = lines, to = out, row = 0
    for (; row < whole; row += TILE, tile += bytes, to += TILE * outStride) {
      product4(form, type, group, panel, tile, cols, to, outStride)
    }
    for (; row < rows; row++, line += step, to += outStride) product1(form, type, group, panel, line, cols, to)
  }
}

function unpack(form: i32, type: i32, group: usize, cols: i32): usize {
  const panel = panelScratch()
  if (form == FLOATS) {
    if (type == F32) return group
    unpack32(type, group, cols, panel)
  } else if (form == BYTES7) {
    if (quads()) complete<Quads>(group, cols, panel)
    else complete<Pairs>(group, cols, panel)
  } else if (form == WORDS && isFloat(type)) shorten(type, group, cols, panel)
  else if (form == WORDS) unpack16(type, group, cols, panel)
  else unpack8(type, group, cols, panel)
  return panel
}

function product4(
  form: i32, type: i32, group: usize, panel: usize, tile: usize, cols: i32, out: usize, stride: usize,
): void {
  if (form == BYTES7) {
    if (quads()) gemm7x4<Quads>(group, panel, tile, cols, out, stride)
    else gemm7x4<Pairs>(group, panel, tile, cols, out, stride)
  } else if (form == FLOATS) gemm32x4(panel, tile, cols, out, stride)
  else if (form == WORDS && isFloat(type)) shortened4(panel, tile, cols, out, stride)
  else if (form == WORDS) folded<Words4>(type, panel, tile, cols, out, stride)
  else if (quads()) folded<Bytes4<Quads>>(type, panel, tile, cols, out, stride)
  else folded<Bytes4<Pairs>>(type, panel, tile, cols, out, stride)
}

/** A line times the weights, from the stored group where that can be: the same bits as {@link product4}. */
function product1(form: i32, type: i32, group: usize, panel: usize, line: usize, cols: i32, out: usize): void {
  if (form == WORDS) row16(type, group, line, cols, out)
  else if (form == FLOATS) {
    if (isFloat(type)) row32(type, group, line, cols, out)
    else gemm32x1<Single>(panel, line, cols, out)
  } else if (quads()) row8<Quads>(type, group, line, cols, out)
  else row8<Pairs>(type, group, line, cols, out)
}

/** Runs a product with the way in which the type folds. K is a class with that method, never made. */
function folded<K>(type: i32, panel: usize, tile: usize, cols: i32, out: usize, stride: usize): void {
  switch (type) {
    case Q2_K: traits<K>().run<Fold16Min>(panel, tile, cols, out, stride); break
    case Q3_K:
    case Q6_K: traits<K>().run<Fold16>(panel, tile, cols, out, stride); break
    case Q4_1:
    case Q4_K: traits<K>().run<Fold32Min>(panel, tile, cols, out, stride); break
    case Q5_1:
    case Q5_K: traits<K>().run<Fold32SignedMin>(panel, tile, cols, out, stride); break
    default: traits<K>().run<Fold32>(panel, tile, cols, out, stride)
  }
}

class Bytes4<D> {
  @inline run<F>(panel: usize, tile: usize, cols: i32, out: usize, stride: usize): void {
    gemm8x4<F, D>(panel, tile, cols, out, stride)
  }
}
class Words4 {
  @inline run<F>(panel: usize, tile: usize, cols: i32, out: usize, stride: usize): void {
    gemm16x4<F>(panel, tile, cols, out, stride)
  }
}

/** Row groups [first, last) of part `part` of `parts`: contiguous, so that each thread reads one stream. */
@inline export function partStart(rows: i32, part: i32, parts: i32): i32 {
  return <i32>((<i64>((rows + GROUP - 1) / GROUP) * part) / parts)
}
