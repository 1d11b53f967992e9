import { G3Error } from '@g3/backend'
// A static import: of a dynamic one of CommonJS some bundlers keep the default export alone.
import { decode } from 'jpeg-js'
import type { RgbImage } from '../../image.js'

/**
 * A JPEG of four channels, of which MozJPEG makes no colour. A module of its own, to be loaded when there is one.
 * @throws G3Error `vision/damaged`
 */
export function decodeCmyk(bytes: Uint8Array, pixels: number): RgbImage {
  try {
    const { width, height, data } = decode(bytes, {
      useTArray: true,
      formatAsRGBA: false,
      tolerantDecoding: false,
      maxResolutionInMP: Infinity,
      maxMemoryUsageInMB: 64 + (32 * pixels) / 2 ** 20,
    })
    return { width, height, data: new Uint8Array(data) }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new G3Error('vision/damaged', `the CMYK JPEG cannot be decoded: ${why}. Save or fetch it again`, { cause })
  }
}
