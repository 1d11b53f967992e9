import { check } from '@g3/backend'
import type { RgbImage } from '../image.js'
import { DEFAULT_LIMITS, type ImageLimits } from '../limits.js'
import { fileType, type ImageType } from './file-type.js'

export interface DecodeOptions {
  readonly limits?: Partial<ImageLimits>
  /** Heard between decoding, resizing and crops, not inside of each. */
  readonly signal?: AbortSignal
}

type Decoder = (bytes: Uint8Array, limits: ImageLimits) => RgbImage | Promise<RgbImage>

/** Each decoder is loaded when a file asks for it. */
async function decoderOf(type: ImageType): Promise<Decoder> {
  switch (type) {
    case 'png':
      return (await import('./png/png.js')).decodePng
    case 'jpeg':
      return (await import('./jpeg/jpeg.js')).decodeJpeg
    case 'webp':
      return (await import('./webp/webp.js')).decodeWebp
    case 'gif':
      return (await import('./gif/gif.js')).decodeGif
    case 'avif':
      return (await import('./avif/avif.js')).decodeAvif
    default:
      return type satisfies never
  }
}

/**
 * The pixels of a PNG, JPEG, WebP, GIF or AVIF file, told apart by their first bytes: turned upright as EXIF says, laid
 * over white where transparent, 16 bits cut to 8, the first frame of an animation. The same pixels everywhere: no decoder
 * of the host is used. Colour profiles are not applied, as in Hugging Face's processor.
 * @throws G3Error `vision/unknown-type`, `vision/too-large`, `vision/truncated`, `vision/damaged`, `vision/unsupported`
 * @throws the signal's reason
 */
export async function decodeImage(bytes: Uint8Array, { limits, signal }: DecodeOptions = {}): Promise<RgbImage> {
  const all = { ...DEFAULT_LIMITS, ...limits }
  check(bytes.length <= all.maxBytes, 'vision/too-large', () => tooManyBytes(bytes.length, all))
  const type = fileType(bytes)
  const decode = await decoderOf(type)
  signal?.throwIfAborted()
  const image = await decode(bytes, all)
  signal?.throwIfAborted()
  return image
}

const tooManyBytes = (length: number, { maxBytes }: ImageLimits): string =>
  `the file has ${length} bytes; ${maxBytes} are allowed. Make the image smaller, or raise limits.maxBytes`
