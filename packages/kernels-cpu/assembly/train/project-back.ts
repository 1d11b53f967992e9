import { panelScratch, tileScratch } from '../lib/config'
import { GROUP, matrixCols, matrixGroup, matrixRows, matrixType, TILE } from '../lib/layout'
import { lane0, lane1, lane2, lane3, madd } from '../lib/simd'
import { newActivations } from '../matrix/multiply'
import { unpack32 } from '../matrix/unpack'
import { int, rowOf, share, word } from '../ops/args'

/*
 * out = y · weight. Some groups of weight rows at a time are unpacked to f32 and turned, so that a row's columns lie beside each other:
 * [cols / 8][DEPTH rows][8]. Such a strip of 8 columns stays in the first-level cache for all tokens. An element adds up its products in
 * the order of the weight's rows, whatever the threads and tiles.
 */

/** Weight rows at a time: a strip has 1 KiB. They lie where packed activations do, which have 512 bytes a column. */
const DEPTH = 32

/** projectBack: y 0-1, weight 2, out 3-4, add 5. Threads share the rows. */
export function projectBack(args: usize, rows: i32, part: i32, parts: i32): void {
  const matrix = word(args, 2), outs = matrixRows(matrix), cols = matrixCols(matrix)
  const first = share(rows, part, parts), last = share(rows, part + 1, parts)
  if (first == last) return
  newActivations()
  const whole = first + ((last - first) & -TILE)
  for (let from = 0; from < outs; from += DEPTH) {
    const depth = min(DEPTH, outs - from), fresh = from == 0 && int(args, 5) == 0
    for (let g = 0; g < depth; g += GROUP) {
      unpack32(matrixType(matrix), matrixGroup(matrix, (from + g) / GROUP), cols, panelScratch())
      turn(panelScratch(), cols, tileScratch() + 32 * g)
    }
    let strip = tileScratch()
    for (let c: usize = 0, end: usize = 4 * cols; c < end; c += 32, strip += 32 * DEPTH) {
      for (let r = first; r < whole; r += TILE) {
        four(rowOf(args, 0, r) + 4 * from, word(args, 1), strip, depth, fresh, rowOf(args, 3, r) + c, word(args, 4))
      }
      for (let r = whole; r < last; r++) one(rowOf(args, 0, r) + 4 * from, strip, depth, fresh, rowOf(args, 3, r) + c)
    }
  }
}

/** [cols][8 rows] to 8 rows of each strip. */
function turn(panel: usize, cols: i32, strip: usize): void {
  for (let c = 0; c < cols; c += 8, panel += 256, strip += 32 * DEPTH) {
    for (let half: usize = 0; half < 32; half += 16) {
      const rows = strip + 8 * half, from = panel + half
      quarter(from, rows)
      quarter(from + 128, rows + 16)
    }
  }
}

/** Four columns of four rows. */
@inline function quarter(from: usize, to: usize): void {
  const a = v128.load(from), b = v128.load(from, 32), c = v128.load(from, 64), d = v128.load(from, 96)
  v128.store(to, lane0(a, b, c, d))
  v128.store(to, lane1(a, b, c, d), 32)
  v128.store(to, lane2(a, b, c, d), 64)
  v128.store(to, lane3(a, b, c, d), 96)
}

function four(y0: usize, yStride: usize, strip: usize, depth: i32, fresh: bool, out: usize, stride: usize): void {
  const y1 = y0 + yStride, y2 = y1 + yStride, y3 = y2 + yStride
  const out1 = out + stride, out2 = out1 + stride, out3 = out2 + stride
  let a0 = f32x4.splat(0), b0 = a0, a1 = a0, b1 = a0, a2 = a0, b2 = a0, a3 = a0, b3 = a0
  if (!fresh) {
    a0 = v128.load(out); b0 = v128.load(out, 16)
    a1 = v128.load(out1); b1 = v128.load(out1, 16)
    a2 = v128.load(out2); b2 = v128.load(out2, 16)
    a3 = v128.load(out3); b3 = v128.load(out3, 16)
  }
  for (let j: usize = 0, end: usize = 4 * depth; j < end; j += 4, strip += 32) {
    const u = v128.load(strip), v = v128.load(strip, 16)
    let s = v128.load32_splat(y0 + j)
    a0 = madd(s, u, a0); b0 = madd(s, v, b0)
    s = v128.load32_splat(y1 + j)
    a1 = madd(s, u, a1); b1 = madd(s, v, b1)
    s = v128.load32_splat(y2 + j)
    a2 = madd(s, u, a2); b2 = madd(s, v, b2)
    s = v128.load32_splat(y3 + j)
    a3 = madd(s, u, a3); b3 = madd(s, v, b3)
  }
  v128.store(out, a0); v128.store(out, b0, 16)
  v128.store(out1, a1); v128.store(out1, b1, 16)
  v128.store(out2, a2); v128.store(out2, b2, 16)
  v128.store(out3, a3); v128.store(out3, b3, 16)
}

function one(y: usize, strip: usize, depth: i32, fresh: bool, out: usize): void {
  let a = f32x4.splat(0), b = a
  if (!fresh) { a = v128.load(out); b = v128.load(out, 16) }
  for (let j: usize = 0, end: usize = 4 * depth; j < end; j += 4, strip += 32) {
    const s = v128.load32_splat(y + j)
    a = madd(s, v128.load(strip), a)
    b = madd(s, v128.load(strip, 16), b)
  }
  v128.store(out, a); v128.store(out, b, 16)
}
