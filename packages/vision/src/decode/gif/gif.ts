import { check, G3Error } from '@g3/backend'
import type { RgbImage } from '../../image.js'
import { checkSize, type ImageLimits } from '../../limits.js'
import { byteView, type ByteView } from '../byte-view.js'
import { unpackLzw } from './lzw.js'

const EXTENSION = 0x21
const FRAME = 0x2c
const GRAPHIC_CONTROL = 0xf9

/** The fields of a frame that its pixels depend on. */
interface Frame {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly interlaced: boolean
  readonly palette: Uint8Array
  /** Index that is see-through, or -1. */
  readonly transparent: number
  /** Where the code size and data follow. */
  readonly dataAt: number
}

/**
 * The first frame of a GIF on a white canvas.
 *
 * Source: GIF89a specification.
 * @throws G3Error `vision/too-large`, `vision/truncated`, `vision/damaged`
 */
export function decodeGif(bytes: Uint8Array, limits: ImageLimits): RgbImage {
  const file = byteView(bytes)
  const [width, height] = [file.u16(6, true), file.u16(8, true)]
  checkSize(width, height, limits)
  const frame = firstFrame(file)
  checkSize(frame.width, frame.height, limits)
  const minBits = file.u8(frame.dataAt)
  check(
    minBits >= 1 && minBits <= 8,
    'vision/damaged',
    `the GIF claims ${minBits} bits a pixel; save or fetch it again`,
  )
  const data = new Uint8Array(3 * width * height).fill(255)
  const rows = rowOrder(frame)
  let x = 0
  let row = 0
  unpackLzw(subBlocks(file, frame.dataAt + 1), minBits, frame.width * frame.height, (index) => {
    const column = frame.x + x
    const line = frame.y + rows[row]
    if (index !== frame.transparent && column < width && line < height) {
      const at = 3 * (line * width + column)
      data[at] = frame.palette[3 * index] ?? 0
      data[at + 1] = frame.palette[3 * index + 1] ?? 0
      data[at + 2] = frame.palette[3 * index + 2] ?? 0
    }
    if (++x === frame.width) {
      x = 0
      row++
    }
  })
  return { width, height, data }
}

/** Colours of a table whose flags are given; none where the flags say so. */
function colorTable(file: ByteView, at: number, flags: number): Uint8Array {
  return flags & 0x80 ? file.part(at, 3 * (2 << (flags & 7))).bytes : new Uint8Array()
}

function firstFrame(file: ByteView): Frame {
  const shared = colorTable(file, 13, file.u8(10))
  let transparent = -1
  for (let at = 13 + shared.length; ;) {
    const kind = file.u8(at)
    if (kind === FRAME) {
      const flags = file.u8(at + 9)
      const own = colorTable(file, at + 10, flags)
      return {
        x: file.u16(at + 1, true),
        y: file.u16(at + 3, true),
        width: file.u16(at + 5, true),
        height: file.u16(at + 7, true),
        interlaced: (flags & 0x40) !== 0,
        palette: own.length > 0 ? own : shared,
        transparent,
        dataAt: at + 10 + own.length,
      }
    }
    if (kind !== EXTENSION) throw new G3Error('vision/damaged', 'the GIF has no frame; save or fetch it again')
    if (file.u8(at + 1) === GRAPHIC_CONTROL && file.u8(at + 2) >= 4) {
      transparent = file.u8(at + 3) & 1 ? file.u8(at + 6) : -1
    }
    at += 2
    for (const block of subBlocks(file, at)) at += 1 + block.length
    at++
  }
}

/** Blocks of 1 to 255 bytes up to an empty one. */
function* subBlocks(file: ByteView, at: number): Generator<Uint8Array, void> {
  for (let length = file.u8(at); length > 0; length = file.u8(at)) {
    yield file.part(at + 1, length).bytes
    at += 1 + length
  }
}

/** Which row each row of the data is. */
function rowOrder({ height, interlaced }: Frame): Uint16Array {
  const passes = interlaced
    ? [
        [0, 8],
        [4, 8],
        [2, 4],
        [1, 2],
      ]
    : [[0, 1]]
  const rows = new Uint16Array(height)
  let i = 0
  for (const [first, step] of passes) {
    for (let row = first; row < height; row += step) rows[i++] = row
  }
  return rows
}
