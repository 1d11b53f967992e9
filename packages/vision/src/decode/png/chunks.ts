import { check, G3Error } from '@g3/backend'
import { byteView, type ByteView } from '../byte-view.js'
import { crc32 } from './crc32.js'

export interface PngHeader {
  readonly width: number
  readonly height: number
  /** Bits of a sample: 1, 2, 4, 8 or 16. */
  readonly depth: number
  readonly color: keyof typeof CHANNELS
  readonly interlaced: boolean
}

/** The chunks that pixels depend on; text, profiles and later frames of an APNG are passed over. */
export interface PngChunks {
  readonly header: PngHeader
  /** Red, green and blue of each entry. */
  readonly palette: Uint8Array
  /** `tRNS`: alpha of palette entries, or the transparent grey or colour in 16 bits a sample. */
  readonly transparency: Uint8Array
  readonly exif: Uint8Array | undefined
  /** The zlib stream, in parts as the file has it. */
  readonly data: readonly Uint8Array[]
}

/** Samples of a pixel by color type: grey, RGB, palette, grey and alpha, RGB and alpha. */
export const CHANNELS = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 } as const
const DEPTHS: Readonly<Record<PngHeader['color'], readonly number[]>> = {
  0: [1, 2, 4, 8, 16],
  2: [8, 16],
  3: [1, 2, 4, 8],
  4: [8, 16],
  6: [8, 16],
}

const damaged = (what: string): G3Error => new G3Error('vision/damaged', `the PNG ${what}; save or fetch it again`)

/**
 * Reads a PNG's chunks, and calls `onHeader` before anything after the header is looked at.
 *
 * Source: PNG specification, third edition.
 * @throws G3Error `vision/truncated`, `vision/damaged`
 */
export function readChunks(bytes: Uint8Array, onHeader: (header: PngHeader) => void): PngChunks {
  const file = byteView(bytes)
  const header = readHeader(file)
  onHeader(header)
  const data: Uint8Array[] = []
  let palette = new Uint8Array()
  let transparency = new Uint8Array()
  let exif: Uint8Array | undefined
  for (let at = 33; ;) {
    const length = file.u32(at)
    const tag = file.tag(at + 4)
    if (tag === 'IEND') break
    const body = file.part(at + 8, length).bytes
    const isCritical = (bytes[at + 4] & 0x20) === 0
    if (isCritical || tag === 'tRNS') checkSum(file, at, length, tag)
    if (tag === 'IDAT') data.push(body)
    else if (tag === 'PLTE') palette = body.slice()
    else if (tag === 'tRNS') transparency = body.slice()
    else if (tag === 'eXIf') exif = body
    else if (isCritical) throw damaged(`has a chunk ${JSON.stringify(tag)} that this decoder does not know`)
    at += 12 + length
  }
  if (data.length === 0) throw damaged('has no pixels')
  if (header.color === 3 && palette.length < 3) throw damaged('has no palette')
  return { header, palette, transparency, exif, data }
}

function checkSum(file: ByteView, at: number, length: number, tag: string): void {
  const found = crc32(file.part(at + 4, 4 + length).bytes)
  if (found !== file.u32(at + 8 + length)) throw damaged(`has a chunk ${JSON.stringify(tag)} whose check sum is wrong`)
}

function readHeader(file: ByteView): PngHeader {
  if (file.u32(8) !== 13 || file.tag(12) !== 'IHDR') throw damaged('does not begin with a header')
  checkSum(file, 8, 13, 'IHDR')
  const [width, height, depth, color] = [file.u32(16), file.u32(20), file.u8(24), file.u8(25)]
  const [compression, filter, interlace] = [file.u8(26), file.u8(27), file.u8(28)]
  if (!isColor(color) || !DEPTHS[color].includes(depth)) throw damaged(`claims color type ${color} of ${depth} bits`)
  check(
    compression === 0 && filter === 0 && interlace <= 1,
    'vision/damaged',
    `the PNG claims compression ${compression}, filters ${filter} and interlacing ${interlace}, which do not exist`,
  )
  return { width, height, depth, color, interlaced: interlace === 1 }
}

const isColor = (color: number): color is PngHeader['color'] => color in CHANNELS
