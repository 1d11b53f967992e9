import { check } from '@g3/backend'

/** What a file may ask for before it is refused. Sizes are read from the header, before anything is allocated for them. */
export interface ImageLimits {
  /** Bytes of the file; 64 MiB. */
  readonly maxBytes: number
  /** Pixels of the longer side; 65,535. */
  readonly maxSide: number
  /** Pixels of the image; 50 million, as the largest cameras make. Decoding takes up to 32 bytes for each. */
  readonly maxPixels: number
}

export const DEFAULT_LIMITS: ImageLimits = { maxBytes: 64 * 2 ** 20, maxSide: 65_535, maxPixels: 50e6 }

/** @throws G3Error `vision/too-large`; `vision/damaged` for no pixels */
export function checkSize(width: number, height: number, { maxSide, maxPixels }: ImageLimits): void {
  check(width > 0 && height > 0, 'vision/damaged', `the image is ${width} x ${height}: it has no pixels`)
  check(
    width <= maxSide && height <= maxSide && width * height <= maxPixels,
    'vision/too-large',
    () =>
      `the image is ${width} x ${height}; ${maxSide} a side and ${maxPixels} pixels are allowed. Make it smaller, or raise limits`,
  )
}
