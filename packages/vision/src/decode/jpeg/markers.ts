import { G3Error } from '@g3/backend'
import { byteView } from '../byte-view.js'

export interface JpegFacts {
  readonly width: number
  readonly height: number
  /** 1 grey, 3 colour, 4 CMYK. */
  readonly components: number
  readonly exif: Uint8Array | undefined
}

/**
 * Passes over the whole of a progressive file may follow each other without end, each a few bytes long and as slow to
 * decode as the image is large. Encoders make about 10.
 */
const MOST_SCANS = 100

const SOI = 0xd8
const EOI = 0xd9
const SOS = 0xda
const APP1 = 0xe1

const damaged = (what: string): G3Error => new G3Error('vision/damaged', `the JPEG ${what}; save or fetch it again`)

/**
 * Walks a JPEG's markers to its end, so that a file that was cut short does not pass for one with a grey bottom.
 *
 * Source: ITU-T T.81, annex B.
 * @throws G3Error `vision/truncated`, `vision/damaged`, `vision/unsupported`
 */
export function readMarkers(bytes: Uint8Array, onSize: (width: number, height: number) => void): JpegFacts {
  const file = byteView(bytes)
  let frame: Omit<JpegFacts, 'exif'> | undefined
  let exif: Uint8Array | undefined
  let scans = 0
  for (let at = 2; ;) {
    at = nextMarker(bytes, at)
    const marker = file.u8(at + 1)
    if (marker === EOI) break
    if (marker === SOI) throw damaged('begins again in its middle')
    if (marker === 0x01) {
      at += 2
      continue
    }
    const body = file.part(at + 4, Math.max(0, file.u16(at + 2) - 2))
    at += 4 + body.bytes.length
    if (isFrame(marker)) {
      if (frame) throw damaged('has two headers')
      frame = { height: body.u16(1), width: body.u16(3), components: body.u8(5) }
      checkFrame(marker, body.u8(0), frame.components)
      onSize(frame.width, frame.height)
    } else if (marker === SOS) {
      if (++scans > MOST_SCANS) throw damaged(`has more than ${MOST_SCANS} scans`)
    } else if (marker === APP1 && isExif(body.bytes)) exif ??= body.bytes
  }
  if (!frame || scans === 0) throw damaged('has no pixels')
  return { ...frame, exif }
}

/** The next 0xff that begins a marker. Inside a scan 0xff00 is a byte and 0xffd0 to 0xffd7 are points to restart from. */
function nextMarker(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1]
    if (next !== 0 && next !== 0xff && !(next >= 0xd0 && next <= 0xd7)) return at
  }
  throw new G3Error('vision/truncated', 'the JPEG ends early; fetch the file again')
}

/** Start of frame: 0xc0 to 0xcf but for Huffman tables, extensions and arithmetic conditioning. */
const isFrame = (marker: number): boolean =>
  marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc

function checkFrame(marker: number, precision: number, components: number): void {
  if (marker > 0xc2 || precision !== 8)
    throw new G3Error(
      'vision/unsupported',
      `the JPEG has ${precision} bits and coding ${marker - 0xc0}; 8 bits, baseline or progressive, can be read`,
    )
  if (components !== 1 && components !== 3 && components !== 4)
    throw new G3Error('vision/unsupported', `the JPEG has ${components} channels; grey, colour and CMYK can be read`)
}

const isExif = (body: Uint8Array): boolean => String.fromCharCode(...body.subarray(0, 6)) === 'Exif\0\0'
