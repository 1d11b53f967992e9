import type { RgbImage } from './image.js'
import type { Resampler } from './taps.js'

/** Levels 0 to 255 in [-1, 1], rounded as the processor with this resampler rounds: they differ in the last bit. */
export function normalisedLevels(resampler: Resampler): Float32Array {
  return Float32Array.from({ length: 256 }, (_, level) =>
    resampler === 'pillow' ? Math.fround(Math.fround(level / 255) - 0.5) / 0.5 : (level - 127.5) / 127.5,
  )
}

/** What the encoder reads: [3, height, width] in [-1, 1], mean and deviation 0.5 as Gemma 3's processor has them. */
export function normalise(
  { width, height, data }: RgbImage,
  resampler: Resampler = 'pillow',
): Float32Array<ArrayBuffer> {
  const levels = normalisedLevels(resampler)
  const plane = width * height
  const pixels = new Float32Array(3 * plane)
  for (let channel = 0; channel < 3; channel++) {
    for (let i = 0; i < plane; i++) pixels[channel * plane + i] = levels[data[3 * i + channel]]
  }
  return pixels
}
