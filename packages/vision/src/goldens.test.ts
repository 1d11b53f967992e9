import { describe, expect, it } from 'vitest'
import { decodeImage } from './decode/decode-image.js'
import type { RgbImage } from './image.js'
import { normalise, normalisedLevels } from './normalise.js'
import { panAndScan } from './pan-and-scan.js'
import { preprocess, preprocessImage } from './preprocess.js'
import { imagePrompt } from './prompt.js'
import { resize } from './resize.js'
import type { Resampler } from './taps.js'
import { fixture, fixtureLines, fromBase64, sha256 } from './testing/fixtures.js'

/** Under each resampler: SHA-256 of the whole image's tensor, then each crop's. */
interface Case extends Record<Resampler, string[]> {
  readonly name: string
  readonly view: 'as_decoded' | 'exif_transposed'
  readonly file: string
  readonly width: number
  readonly height: number
  readonly rgb_sha256: string
  /** Left, top, right, bottom. */
  readonly boxes: [number, number, number, number][]
}

interface SmallCase {
  readonly src_wh: [number, number]
  readonly dst_wh: [number, number]
  readonly src_u8_hwc_b64: string
  readonly pil_bilinear_u8_hwc_b64: string
  readonly torchvision_u8_hwc_b64: string | null
}

interface PromptCase {
  readonly name: string
  readonly pan_and_scan: boolean
  readonly images: { readonly num_crops: number }[]
  readonly template_text: string
  readonly expanded_text: string
}

const RESAMPLERS = ['pillow', 'torchvision'] as const
const cases = fixtureLines<Case>('hf/cases.jsonl')

/** The file, with its EXIF made unreadable for a case that leaves it unheard. */
function bytesOf({ file, view }: Case): Uint8Array {
  const bytes = fixture(`hf/${file}`)
  const exif = Buffer.from(bytes.buffer).indexOf('Exif\0\0')
  if (view === 'as_decoded' && exif >= 0) bytes[exif] = 0
  return bytes
}

describe.each(cases)('$name $view', (one) => {
  it('decodes to the same pixels', async () => {
    const { width, height, data } = await decodeImage(bytesOf(one))
    expect([width, height]).toEqual([one.width, one.height])
    expect(sha256(data)).toBe(one.rgb_sha256)
  })

  it('has the same crops', () => {
    const crops = panAndScan(one.width, one.height).map(({ x, y, width, height }) => [x, y, x + width, y + height])
    expect(crops).toEqual(one.boxes)
  })

  it.each(RESAMPLERS)('makes the tensors of the processor with %s, to the last bit', async (resampler) => {
    const image = await decodeImage(bytesOf(one))
    const { pixels, tokens } = preprocessImage(image, { resampler, panAndScan: true })
    expect(pixels.map((view) => sha256(view))).toEqual(one[resampler])
    expect(tokens).toBe(256 * one[resampler].length)
  })
})

it('shows only the whole image unless crops are asked for', async () => {
  const { crops, pixels, tokens, prompt } = await preprocess(fixture('hf/images/wide_2000x300.png'))
  expect({ crops, views: pixels.length, tokens }).toEqual({ crops: [], views: 1, tokens: 256 })
  expect(prompt).toBe(imagePrompt())
})

describe.each(fixtureLines<SmallCase[]>('hf/resize_small.json')[0])('resizes $src_wh to $dst_wh', (one) => {
  const [width, height] = one.src_wh
  const image: RgbImage = { width, height, data: fromBase64(one.src_u8_hwc_b64) }
  const expected = { pillow: one.pil_bilinear_u8_hwc_b64, torchvision: one.torchvision_u8_hwc_b64 }
  it.each(RESAMPLERS.filter((resampler) => expected[resampler] !== null))('as %s', (resampler) => {
    const [toWidth, toHeight] = one.dst_wh
    const { data } = resize(image, toWidth, toHeight, { resampler })
    expect(Buffer.from(data).toString('base64')).toBe(expected[resampler])
  })
})

it.each([
  ['pillow', 'slow_pil'],
  ['torchvision', 'fast_torchvision'],
] as const)('normalises all levels as the processor with %s', (resampler, file) => {
  const expected = new Float32Array(fixture(`hf/normalised_0_255.${file}.bin`).buffer)
  expect(normalisedLevels(resampler)).toEqual(expected)
  const data = Uint8Array.of(0, 128, 255)
  expect([...normalise({ width: 1, height: 1, data }, resampler)]).toEqual([-1, expected[128], 1])
})

const prompts = fixtureLines<PromptCase>('hf/prompts.jsonl').filter(({ expanded_text }) => expanded_text !== undefined)

it.each(prompts)('expands the prompt $name, crops $pan_and_scan', ({ images, template_text, expanded_text }) => {
  let image = 0
  const expanded = template_text.replaceAll('<start_of_image>', () => imagePrompt(images[image++].num_crops))
  expect(expanded.replaceAll('<image_soft_token>'.repeat(256), '<image_soft_token>*256')).toBe(expanded_text)
  expect(image).toBe(images.length)
})
