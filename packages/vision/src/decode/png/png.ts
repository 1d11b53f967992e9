import type { RgbImage } from '../../image.js'
import { checkSize, type ImageLimits } from '../../limits.js'
import { orientation } from '../exif.js'
import { upright } from '../upright.js'
import { CHANNELS, readChunks } from './chunks.js'
import { inflateRows } from './inflate-rows.js'
import { rowPainter } from './paint-row.js'
import { unfilter } from './unfilter.js'

/** Which pixels a pass over the image brings: from `x`, `y` on, every `stepX`-th of every `stepY`-th row. */
interface Pass {
  readonly x: number
  readonly y: number
  readonly stepX: number
  readonly stepY: number
}

const WHOLE: readonly Pass[] = [{ x: 0, y: 0, stepX: 1, stepY: 1 }]
const ADAM7: readonly Pass[] = [
  { x: 0, y: 0, stepX: 8, stepY: 8 },
  { x: 4, y: 0, stepX: 8, stepY: 8 },
  { x: 0, y: 4, stepX: 4, stepY: 8 },
  { x: 2, y: 0, stepX: 4, stepY: 4 },
  { x: 0, y: 2, stepX: 2, stepY: 4 },
  { x: 1, y: 0, stepX: 2, stepY: 2 },
  { x: 0, y: 1, stepX: 1, stepY: 2 },
]

/**
 * Every kind of PNG, row by row: besides the result, memory for two rows and some 4 MiB.
 * @throws G3Error `vision/too-large`, `vision/truncated`, `vision/damaged`
 */
export function decodePng(bytes: Uint8Array, limits: ImageLimits): RgbImage {
  const chunks = readChunks(bytes, ({ width, height }) => checkSize(width, height, limits))
  const { width, height, depth, color, interlaced } = chunks.header
  const pixelBits = CHANNELS[color] * depth
  const take = inflateRows(chunks.data)
  const paint = rowPainter(chunks)
  const data = new Uint8Array(3 * width * height)
  for (const { x, y, stepX, stepY } of interlaced ? ADAM7 : WHOLE) {
    const pixels = Math.ceil((width - x) / stepX)
    if (pixels <= 0) continue
    const row = new Uint8Array(Math.ceil((pixels * pixelBits) / 8))
    const above = new Uint8Array(row.length)
    for (let at = y; at < height; at += stepY) {
      const filtered = take(1 + row.length)
      row.set(filtered.subarray(1))
      unfilter(filtered[0], row, above, Math.max(1, pixelBits >> 3))
      paint(row, pixels, data, 3 * (at * width + x), 3 * stepX)
      above.set(row)
    }
  }
  return upright({ width, height, data }, orientation(chunks.exif))
}
