/** An opaque image, 8 bits a channel. */
export interface RgbImage {
  readonly width: number
  readonly height: number
  /** [height, width, 3]: rows from the top, pixels from the left, red, green, blue. */
  readonly data: Uint8Array<ArrayBuffer>
}

/** A part of an image, in pixels from its top left corner. */
export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}
