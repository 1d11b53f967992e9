import { TILE } from '../lib/layout'
import { madd } from '../lib/simd'
import { gemm32x4 } from '../matrix/gemm32'
import { LANES } from './pages'

/*
 * Tiles of four times a panel of LANES, both as `pages.ts` has them: out f32 [4 tiles][LANES].
 */

@inline function dot(a: v128, w: v128): v128 { return i32x4.dot_i16x8_s(a, w) }

/** out = scales[row] · tiles · panel, or that added to it. `tiles` i16 [rows/4][pairs][4][2], f32 scales [rows] */
export function products16<A>(panel: usize, tiles: usize, pairs: i32, rows: i32, scales: usize, out: usize): void {
  for (let last = scales + 4 * rows; scales < last; scales += 16, out += 4 * TILE * LANES) {
    let a00 = i32x4.splat(0), a01 = a00, a10 = a00, a11 = a00, a20 = a00, a21 = a00, a30 = a00, a31 = a00
    let at = panel
    for (const end = tiles + 16 * pairs; tiles < end; tiles += 16, at += 32) {
      const w0 = v128.load(at), w1 = v128.load(at, 16)
      let t = v128.load32_splat(tiles)
      a00 = i32x4.add(a00, dot(t, w0)); a01 = i32x4.add(a01, dot(t, w1))
      t = v128.load32_splat(tiles, 4)
      a10 = i32x4.add(a10, dot(t, w0)); a11 = i32x4.add(a11, dot(t, w1))
      t = v128.load32_splat(tiles, 8)
      a20 = i32x4.add(a20, dot(t, w0)); a21 = i32x4.add(a21, dot(t, w1))
      t = v128.load32_splat(tiles, 12)
      a30 = i32x4.add(a30, dot(t, w0)); a31 = i32x4.add(a31, dot(t, w1))
    }
    let q = v128.load32_splat(scales)
    put<A>(out, a00, q); put<A>(out + 16, a01, q)
    q = v128.load32_splat(scales, 4)
    put<A>(out + 32, a10, q); put<A>(out + 48, a11, q)
    q = v128.load32_splat(scales, 8)
    put<A>(out + 64, a20, q); put<A>(out + 80, a21, q)
    q = v128.load32_splat(scales, 12)
    put<A>(out + 96, a30, q); put<A>(out + 112, a31, q)
  }
}

/** Compile-time arguments of {@link products16}: whether it adds. */
export type Sets = i8
export type Adds = i16

@inline function put<A>(out: usize, sum: v128, scale: v128): void {
  const x = f32x4.convert_i32x4_s(sum)
  v128.store(out, sizeof<A>() == 2 ? madd(x, scale, v128.load(out)) : f32x4.mul(x, scale))
}

/** out = tiles · panel. `tiles` f32 [rows/4][depth][4] */
export function products32(panel: usize, tiles: usize, depth: i32, rows: i32, out: usize): void {
  for (let r = 0; r < rows; r += TILE, tiles += 16 * depth, out += 4 * TILE * LANES) gemm32x4(panel, tiles, depth, out, 4 * LANES)
}

/** The same added to `out`. `room`: f32 [4][LANES] */
export function addProducts32(panel: usize, tiles: usize, depth: i32, rows: i32, out: usize, room: usize): void {
  for (let r = 0; r < rows; r += TILE, tiles += 16 * depth) {
    gemm32x4(panel, tiles, depth, room, 4 * LANES)
    for (let i: usize = 0; i < 4 * TILE * LANES; i += 16, out += 16) v128.store(out, f32x4.add(v128.load(out), v128.load(room + i)))
  }
}
