import type { RgbImage } from '../image.js'
import type { Orientation } from './exif.js'

/** Turns an image upright. From 5 on width and height change places. */
export function upright(image: RgbImage, orientation: Orientation): RgbImage {
  if (orientation === 1) return image
  const swaps = orientation >= 5
  const [width, height] = swaps ? [image.height, image.width] : [image.width, image.height]
  // Where the first row and column of the result begin in the image, and how far apart its neighbours lie there.
  const fromRight = orientation === 2 || orientation === 3 || orientation === 7 || orientation === 8
  const fromBottom = orientation === 3 || orientation === 4 || orientation === 6 || orientation === 7
  const across = fromRight ? -3 : 3
  const down = (fromBottom ? -3 : 3) * image.width
  const start = (fromRight ? 3 * (image.width - 1) : 0) + (fromBottom ? 3 * image.width * (image.height - 1) : 0)
  const [stepX, stepY] = swaps ? [down, across] : [across, down]
  const data = new Uint8Array(image.data.length)
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0, from = start + y * stepY; x < width; x++, to += 3, from += stepX) {
      data[to] = image.data[from]
      data[to + 1] = image.data[from + 1]
      data[to + 2] = image.data[from + 2]
    }
  }
  return { width, height, data }
}
