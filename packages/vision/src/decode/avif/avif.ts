import { check } from '@g3/backend'
import type { RgbImage } from '../../image.js'
import { checkSize, type ImageLimits } from '../../limits.js'
import { byteView } from '../byte-view.js'
import type { Orientation } from '../exif.js'
import { upright } from '../upright.js'
import { decodeWithCodec, type CodecFactory, type Rgba } from '../wasm.js'
import { readBoxes, type AvifFacts } from './boxes.js'

interface LibAvif {
  decode(bytes: Uint8Array, bits: 8): Rgba | null
}

/**
 * AVIF of 8 to 12 bits; of a sequence the first image. Turned as `irot` and `imir` say, which in AVIF count instead of EXIF.
 * @throws G3Error `vision/too-large`, `vision/truncated`, `vision/damaged`
 */
export async function decodeAvif(bytes: Uint8Array, limits: ImageLimits): Promise<RgbImage> {
  const facts = readBoxes(byteView(bytes))
  const { width, height } = facts
  checkSize(width, height, limits)
  const [loader, { libavif }] = await Promise.all([
    import('@jsquash/avif/codec/dec/avif_dec.js'),
    import('../../generated/libavif.js'),
  ])
  const factory: CodecFactory<LibAvif> = loader.default
  // Frames in 16 bits with wide borders, and the pixels.
  const maxBytes = 96 * 2 ** 20 + 2 * bytes.length + 32 * width * height
  const image = await decodeWithCodec(factory, libavif, maxBytes, (codec) => codec.decode(bytes, 8))
  check(
    image.width === width && image.height === height,
    'vision/damaged',
    `the AVIF claims ${width} x ${height} and holds ${image.width} x ${image.height}; save or fetch it again`,
  )
  const mirrored = facts.mirror === 'rows' ? 4 : facts.mirror === 'columns' ? 2 : 1
  return upright(upright(image, TURNED[facts.turns]), mirrored)
}

/** EXIF's numbers for quarter turns against the clock. */
const TURNED: Readonly<Record<number, Orientation>> = { 0: 1, 1: 8, 2: 3, 3: 6 } satisfies Record<
  AvifFacts['turns'],
  Orientation
>
