import { byteView } from './byte-view.js'

/** How an image's rows and columns lie, 1 to 8: EXIF tag 0x0112. 1 is upright. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8

const TAG = 0x0112
const SHORT = 3

/**
 * The orientation in a block of EXIF, with or without `Exif\0\0` before it. EXIF is often damaged and the image is not, so
 * anything unreadable counts as upright.
 *
 * Source: EXIF 2.32, 4.6.4; TIFF 6.0, image file directory.
 */
export function orientation(exif: Uint8Array | undefined): Orientation {
  if (!exif) return 1
  const start = String.fromCharCode(...exif.subarray(0, 6)) === 'Exif\0\0' ? 6 : 0
  const tiff = byteView(exif.subarray(start))
  if (exif.length < start + 8) return 1
  const little = tiff.u16(0) === 0x4949
  if ((!little && tiff.u16(0) !== 0x4d4d) || tiff.u16(2, little) !== 42) return 1
  const directory = tiff.u32(4, little)
  const last = tiff.bytes.length - 12
  if (directory > last) return 1
  const entries = tiff.u16(directory, little)
  for (let i = 0, at = directory + 2; i < entries && at <= last; i++, at += 12) {
    if (tiff.u16(at, little) !== TAG || tiff.u16(at + 2, little) !== SHORT) continue
    const value = tiff.u16(at + 8, little)
    return isOrientation(value) ? value : 1
  }
  return 1
}

const isOrientation = (value: number): value is Orientation => value >= 1 && value <= 8
