import type { RgbImage } from '../image.js'

/**
 * A level with its alpha over white, 0 to 255.
 *
 * Source: `ImagingAlphaComposite` of Pillow's AlphaComposite.c, whose rounding this is, for an opaque ground.
 */
export function levelOverWhite(level: number, alpha: number): number {
  const scaled = (level * alpha + 255 * (255 - alpha)) * 128 + 0x4000
  return ((scaled >> 8) + scaled) >> 15
}

/** [pixels, 4] of red, green, blue and alpha, alpha not multiplied in. */
export function rgbaOverWhite(rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): RgbImage {
  const data = new Uint8Array(3 * width * height)
  for (let from = 0, to = 0; to < data.length; from += 4, to += 3) {
    const alpha = rgba[from + 3]
    for (let channel = 0; channel < 3; channel++) data[to + channel] = levelOverWhite(rgba[from + channel], alpha)
  }
  return { width, height, data }
}
