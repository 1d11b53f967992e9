import type { RgbImage } from '../../image.js'
import { checkSize, type ImageLimits } from '../../limits.js'
import { orientation } from '../exif.js'
import { upright } from '../upright.js'
import { decodeWithCodec, type CodecFactory, type Rgba } from '../wasm.js'
import { readMarkers } from './markers.js'

/** MozJPEG, whose decoder gives libjpeg-turbo's pixels. */
interface MozJpeg {
  decode(bytes: Uint8Array, preserveOrientation: boolean): Rgba | null
}

/**
 * Baseline and progressive JPEG, grey, colour and CMYK: the same pixels as Pillow's, but for CMYK, where a few levels
 * differ.
 * @throws G3Error `vision/too-large`, `vision/truncated`, `vision/damaged`, `vision/unsupported`
 */
export async function decodeJpeg(bytes: Uint8Array, limits: ImageLimits): Promise<RgbImage> {
  const { width, height, components, exif } = readMarkers(bytes, (w, h) => checkSize(w, h, limits))
  const pixels = width * height
  const image =
    components === 4 ? (await import('./cmyk.js')).decodeCmyk(bytes, pixels) : await decodeWithMozJpeg(bytes, pixels)
  return upright(image, orientation(exif))
}

async function decodeWithMozJpeg(bytes: Uint8Array, pixels: number): Promise<RgbImage> {
  const [loader, { mozjpeg }] = await Promise.all([
    import('@jsquash/jpeg/codec/dec/mozjpeg_dec.js'),
    import('../../generated/mozjpeg.js'),
  ])
  const factory: CodecFactory<MozJpeg> = loader.default
  // Four bytes of pixels, up to six of coefficients.
  const maxBytes = 32 * 2 ** 20 + 2 * bytes.length + 16 * pixels
  return decodeWithCodec(factory, mozjpeg, maxBytes, (codec) => codec.decode(bytes, false))
}
