import { levelOverWhite } from '../over-white.js'
import { CHANNELS, type PngChunks } from './chunks.js'

/** Paints pixels of an unfiltered row: the i-th to byte `at + i * stride` of the image. */
export type PaintRow = (row: Uint8Array, pixels: number, into: Uint8Array, at: number, stride: number) => void

/** A painter for a PNG's kind of pixels. 16-bit samples lose their low byte, as in Pillow. */
export function rowPainter({ header, palette, transparency }: PngChunks): PaintRow {
  const { color, depth } = header
  const channels = CHANNELS[color]
  const sample = sampleReader(depth)
  const level = levels(depth)
  const isGrey = color === 0 || color === 4
  const hasAlpha = color === 4 || color === 6
  const key = transparentColor(color, transparency)
  const painted = color === 3 ? paletteOverWhite(palette, transparency) : undefined
  return (row, pixels, into, at, stride) => {
    for (let pixel = 0, first = 0; pixel < pixels; pixel++, first += channels, at += stride) {
      if (painted) {
        const entry = 3 * sample(row, first)
        for (let i = 0; i < 3; i++) into[at + i] = painted[entry + i]
        continue
      }
      const isKey = key?.every((value, i) => value === sample(row, first + i)) ?? false
      const alpha = hasAlpha ? level(sample(row, first + channels - 1)) : isKey ? 0 : 255
      for (let i = 0; i < 3; i++) into[at + i] = levelOverWhite(level(sample(row, isGrey ? first : first + i)), alpha)
    }
  }
}

/** Reads the i-th sample of a row: packed from the high bits down, or one or two bytes. */
function sampleReader(depth: number): (row: Uint8Array, index: number) => number {
  if (depth === 8) return (row, index) => row[index]
  if (depth === 16) return (row, index) => (row[2 * index] << 8) | row[2 * index + 1]
  const mask = (1 << depth) - 1
  return (row, index) => {
    const bit = index * depth
    return (row[bit >> 3] >> (8 - depth - (bit & 7))) & mask
  }
}

function levels(depth: number): (sample: number) => number {
  if (depth === 8) return (sample) => sample
  if (depth === 16) return (sample) => sample >> 8
  const step = 255 / ((1 << depth) - 1)
  return (sample) => sample * step
}

/** 256 colours; an index past the palette is black, as in Pillow. */
function paletteOverWhite(palette: Uint8Array, alphas: Uint8Array): Uint8Array {
  const painted = new Uint8Array(3 * 256)
  painted.set(palette.subarray(0, painted.length))
  for (let entry = 0; entry < Math.min(256, alphas.length); entry++) {
    for (let i = 3 * entry; i < 3 * entry + 3; i++) painted[i] = levelOverWhite(painted[i], alphas[entry])
  }
  return painted
}

/** The one colour that `tRNS` makes transparent, by sample. */
function transparentColor(color: number, transparency: Uint8Array): number[] | undefined {
  const samples = color === 0 ? 1 : color === 2 ? 3 : 0
  if (samples === 0 || transparency.length < 2 * samples) return undefined
  return Array.from({ length: samples }, (_, i) => (transparency[2 * i] << 8) | transparency[2 * i + 1])
}
