import { G3Error } from '@g3/backend'
import type { RgbImage } from '../../image.js'
import { checkSize, type ImageLimits } from '../../limits.js'
import { byteView } from '../byte-view.js'
import { orientation } from '../exif.js'
import { upright } from '../upright.js'
import { decodeWithCodec, type CodecFactory, type Rgba } from '../wasm.js'
import { readChunks, stillWebp, type Chunk } from './riff.js'

interface LibWebp {
  decode(bytes: Uint8Array): Rgba | null
}

/**
 * Lossy and lossless WebP; of an animation the first frame, where it lies on the canvas.
 *
 * Source: RFC 9649.
 * @throws G3Error `vision/too-large`, `vision/truncated`, `vision/damaged`
 */
export async function decodeWebp(bytes: Uint8Array, limits: ImageLimits): Promise<RgbImage> {
  const riffEnd = Math.min(bytes.length, 8 + byteView(bytes).u32(4, true))
  const chunks = readChunks(byteView(bytes.subarray(0, riffEnd)), 12)
  const find = (among: readonly Chunk[], tag: string): Chunk | undefined => among.find((chunk) => chunk.tag === tag)
  const canvas = find(chunks, 'VP8X')?.body
  if (canvas) checkSize(canvas.u24(4) + 1, canvas.u24(7) + 1, limits)
  const animated = find(chunks, 'ANMF')?.body
  const parts = animated ? readChunks(animated, 16) : chunks
  const pixels = find(parts, 'VP8 ') ?? find(parts, 'VP8L')
  if (!pixels) throw new G3Error('vision/damaged', 'the WebP has no pixels; save or fetch it again')
  const [width, height] = frameSize(pixels)
  checkSize(width, height, limits)
  const frame = await decodeStill(stillWebp(width, height, pixels, find(parts, 'ALPH')), width * height)
  const image =
    animated && canvas
      ? placed(frame, 2 * animated.u24(0), 2 * animated.u24(3), canvas.u24(4) + 1, canvas.u24(7) + 1)
      : frame
  return upright(image, orientation(find(chunks, 'EXIF')?.body.bytes))
}

/** Width and height that a chunk of pixels claims. */
function frameSize({ tag, body }: Chunk): readonly [number, number] {
  if (tag === 'VP8 ') return [body.u16(6, true) & 0x3fff, body.u16(8, true) & 0x3fff]
  const bits = body.u32(1, true)
  return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1]
}

async function decodeStill(bytes: Uint8Array, pixels: number): Promise<RgbImage> {
  const [loader, { libwebp }] = await Promise.all([
    import('@jsquash/webp/codec/dec/webp_dec.js'),
    import('../../generated/libwebp.js'),
  ])
  const factory: CodecFactory<LibWebp> = loader.default
  // Pixels twice, and as much again for the tables of lossless ones.
  const maxBytes = 32 * 2 ** 20 + 2 * bytes.length + 24 * pixels
  return decodeWithCodec(factory, libwebp, maxBytes, (codec) => codec.decode(bytes))
}

/** A frame on a white canvas, cut where it hangs over. */
function placed(frame: RgbImage, x: number, y: number, width: number, height: number): RgbImage {
  const data = new Uint8Array(3 * width * height).fill(255)
  const columns = Math.min(frame.width, width - x)
  const rows = columns > 0 ? Math.min(frame.height, height - y) : 0
  for (let row = 0; row < rows; row++) {
    const from = 3 * row * frame.width
    data.set(frame.data.subarray(from, from + 3 * columns), 3 * ((y + row) * width + x))
  }
  return { width, height, data }
}
