import { decodeImage, type DecodeOptions } from './decode/decode-image.js'
import type { Box, RgbImage } from './image.js'
import { normalise } from './normalise.js'
import { panAndScan, type PanAndScanOptions } from './pan-and-scan.js'
import { imagePrompt, TOKENS_PER_VIEW } from './prompt.js'
import { resize } from './resize.js'
import type { Resampler } from './taps.js'

/** Pixels of a side of what the encoder sees. */
export const VIEW_SIDE = 896

export interface PreprocessOptions extends DecodeOptions {
  /** Shows a long image in crops, too: true with Hugging Face's defaults. Off unless given, as there. */
  readonly panAndScan?: boolean | PanAndScanOptions
  /** `pillow` unless given. */
  readonly resampler?: Resampler
}

/** An image as the model takes it in. */
export interface PreprocessedImage {
  /** Of the image, turned upright. */
  readonly width: number
  readonly height: number
  readonly crops: readonly Box[]
  /** The whole image, then each crop: [3, 896, 896] in [-1, 1]. */
  readonly pixels: readonly Float32Array<ArrayBuffer>[]
  /** Soft tokens of all views. */
  readonly tokens: number
  /** What takes the place of `<start_of_image>` in the prompt. */
  readonly prompt: string
}

/**
 * From a file's bytes to all that the encoder and the prompt need, as transformers' `Gemma3Processor` makes it.
 * @throws G3Error as `decodeImage` and `panAndScan`
 * @throws the signal's reason
 */
export async function preprocess(bytes: Uint8Array, options: PreprocessOptions = {}): Promise<PreprocessedImage> {
  const image = await decodeImage(bytes, options)
  return preprocessImage(image, options)
}

/** The same for pixels that are there already, such as a canvas's. */
export function preprocessImage(image: RgbImage, options: Omit<PreprocessOptions, 'limits'> = {}): PreprocessedImage {
  const { panAndScan: scan = false, resampler = 'pillow', signal } = options
  const { width, height } = image
  const crops = scan === false ? [] : panAndScan(width, height, scan === true ? {} : scan)
  const pixels = [{ x: 0, y: 0, width, height }, ...crops].map((box) => {
    signal?.throwIfAborted()
    return normalise(resize(image, VIEW_SIDE, VIEW_SIDE, { box, resampler }), resampler)
  })
  return { width, height, crops, pixels, tokens: pixels.length * TOKENS_PER_VIEW, prompt: imagePrompt(crops.length) }
}
