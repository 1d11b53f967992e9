import { deflateSync } from 'node:zlib'
import { isG3Error } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { preprocess } from '../preprocess.js'
import { fixture, sha256 } from '../testing/fixtures.js'
import { chunk, header, pixels, pngOf } from '../testing/png-writer.js'
import { decodeImage } from './decode-image.js'

const MEBIBYTE = 2 ** 20
const jpeg = fixture('pillow/jpeg-444.jpg')
const avif = fixture('pillow/avif-444.avif')

/** A copy with 16-bit numbers in another place: `[offset, value, little-endian]`. */
function patched(bytes: Uint8Array, ...numbers: [at: number, value: number, little?: boolean][]): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const view = new DataView(copy.buffer)
  for (const [at, value, little] of numbers) view.setUint16(at, value, little)
  return copy
}

const find = (bytes: Uint8Array, text: string): number => Buffer.from(bytes).indexOf(text, 0, 'latin1')
const frameOf = (bytes: Uint8Array): number => find(bytes, '\xff\xc0')
const sizeOf = find(avif, 'ispe') + 8
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

/** JPEG segments before the first of `jpeg`'s own. */
const withSegment = (marker: number, body: Uint8Array): Uint8Array =>
  Buffer.concat([
    jpeg.subarray(0, 2),
    Uint8Array.of(0xff, marker, (body.length + 2) >> 8, (body.length + 2) & 255),
    body,
    jpeg.subarray(2),
  ])

/** The scans of a progressive JPEG again and again. */
function manyScans(): Uint8Array {
  const bytes = fixture('pillow/jpeg-grey-progressive.jpg')
  const scan = find(bytes, '\xff\xda')
  const body = bytes.subarray(scan, -2)
  return Buffer.concat([bytes.subarray(0, -2), ...Array.from({ length: 100 }, () => body), bytes.subarray(-2)])
}

const REFUSED: Record<string, readonly [code: string, bytes: Uint8Array, message?: RegExp]> = {
  'no bytes': ['vision/unknown-type', new Uint8Array()],
  text: ['vision/unknown-type', text('hello there, I am no image')],
  'a HEIC': ['vision/unknown-type', text('\0\0\0\x18ftypheic\0\0\0\0'), /HEIC/],
  'an SVG': ['vision/unknown-type', text('<svg xmlns="http://www.w3.org/2000/svg"/>'), /SVG/],
  'a PNG signature alone': ['vision/truncated', pngOf().subarray(0, 8)],
  'a PNG bomb': ['vision/too-large', pngOf(header(60_000, 60_000), pixels(1, 1)), /60000 x 60000/],
  'a PNG of 2^32 - 1 rows': ['vision/too-large', pngOf(header(1, 2 ** 32 - 1))],
  'a PNG without width': ['vision/damaged', pngOf(header(0, 5), pixels(1, 5))],
  'a PNG of color type 7': ['vision/damaged', pngOf(header(1, 1, [8, 7]), pixels(1, 1))],
  'a PNG of 3 bits': ['vision/damaged', pngOf(header(1, 1, [3, 0]), pixels(1, 1))],
  'a PNG without pixels': ['vision/damaged', pngOf(header(1, 1))],
  'a PNG with too few pixels': ['vision/truncated', pngOf(header(9, 9), pixels(9, 8))],
  'a PNG with pixels that are no zlib': ['vision/damaged', pngOf(header(9, 9), chunk('IDAT', text('nonsense')))],
  'a PNG with filter 9': ['vision/damaged', pngOf(header(1, 1), chunk('IDAT', deflateSync(Uint8Array.of(9, 1, 2, 3))))],
  'a PNG without its palette': ['vision/damaged', pngOf(header(1, 1, [8, 3]), pixels(1, 1)), /palette/],
  'a PNG with an unknown critical chunk': ['vision/damaged', pngOf(header(1, 1), chunk('ABCD'), pixels(1, 1))],
  'a PNG with a wrong check sum': [
    'vision/damaged',
    patched(pngOf(header(5, 5), pixels(5, 5)), [43, 0x1234]),
    /check sum/,
  ],
  'a JPEG cut short': ['vision/truncated', jpeg.subarray(0, -40)],
  'a JPEG bomb': ['vision/too-large', patched(jpeg, [frameOf(jpeg) + 5, 65_535], [frameOf(jpeg) + 7, 65_535])],
  'a JPEG without height': ['vision/damaged', patched(jpeg, [frameOf(jpeg) + 5, 0])],
  'a JPEG with two headers': [
    'vision/damaged',
    withSegment(0xc0, jpeg.subarray(frameOf(jpeg) + 4, frameOf(jpeg) + 19)),
  ],
  'a JPEG with a hundred scans more': ['vision/damaged', manyScans(), /100 scans/],
  'an arithmetically coded JPEG': ['vision/unsupported', patched(jpeg, [frameOf(jpeg), 0xffc9])],
  'a JPEG of 12 bits': ['vision/unsupported', patched(jpeg, [frameOf(jpeg) + 4, 0x0c00])],
  'a WebP cut short': ['vision/truncated', fixture('pillow/webp-lossy.webp').subarray(0, 300)],
  'a WebP bomb': ['vision/too-large', bigWebp('webp-alpha.webp', 24)],
  'a WebP whose frame is larger than its canvas says': ['vision/too-large', bigWebp('webp-animated.webp', 24)],
  'a GIF bomb': ['vision/too-large', patched(fixture('pillow/gif-still.gif'), [6, 65_535], [8, 65_535])],
  'a GIF without a frame': [
    'vision/damaged',
    Buffer.concat([text('GIF89a'), Uint8Array.of(1, 0, 1, 0, 0, 0, 0, 0x3b)]),
  ],
  'a GIF cut short': ['vision/truncated', fixture('pillow/gif-still.gif').subarray(0, 900)],
  'an AVIF bomb': ['vision/too-large', patched(avif, [sizeOf + 2, 65_535], [sizeOf + 6, 65_535])],
  'an AVIF that holds another size': ['vision/damaged', patched(avif, [sizeOf + 2, 40])],
  'an AVIF of its first box': ['vision/damaged', avif.subarray(0, 32), /meta/],
}

/** Width and height of the extended header at `at`, as large as they can be. */
function bigWebp(file: string, at: number): Uint8Array {
  const bytes = fixture(`pillow/${file}`)
  bytes.fill(255, at, at + 6)
  return bytes
}

describe('refuses', () => {
  it.each(Object.entries(REFUSED))('%s', async (_, [code, bytes, message = /./]) => {
    const before = process.memoryUsage()
    const error: unknown = await decodeImage(bytes).catch((cause: unknown) => cause)
    const after = process.memoryUsage()
    expect(isG3Error(error) ? error.code : error).toBe(code)
    expect(String(error)).toMatch(message)
    expect(after.arrayBuffers + after.external - before.arrayBuffers - before.external).toBeLessThan(64 * MEBIBYTE)
  })

  it('more bytes, pixels or a longer side than its caller allows', async () => {
    const refusal = (limits: object): Promise<unknown> => decodeImage(jpeg, { limits }).catch((cause: unknown) => cause)
    for (const limits of [{ maxBytes: jpeg.length - 1 }, { maxPixels: 45 * 37 - 1 }, { maxSide: 44 }])
      expect(await refusal(limits)).toMatchObject({ code: 'vision/too-large' })
    expect(await refusal({ maxBytes: jpeg.length, maxPixels: 45 * 37, maxSide: 45 })).toMatchObject({ width: 45 })
  })
})

describe('reads', () => {
  it('one pixel', async () => {
    const { pixels: views } = await preprocess(pngOf(header(1, 1), pixels(1, 1, 255)))
    expect(new Set(views[0])).toEqual(new Set([1]))
  })

  it.each([
    [30_000, 1],
    [1, 30_000],
    [65_535, 2],
  ])('%i x %i', async (width, height) => {
    const image = await preprocess(pngOf(header(width, height), pixels(width, height, 255)), { panAndScan: true })
    expect(image).toMatchObject({ width, height, crops: [], tokens: 256 })
    expect(new Set(image.pixels[0])).toEqual(new Set([1]))
  })

  it('no more of the pixels than the header asks for, and no profile', async () => {
    const zeros = deflateSync(new Uint8Array(192 * MEBIBYTE))
    const profile = chunk('iCCP', Buffer.concat([text('sRGB\0\0'), zeros]))
    const bomb = pngOf(header(64, 64), profile, chunk('zTXt', profile), chunk('IDAT', zeros))
    const before = process.memoryUsage().arrayBuffers
    const { data } = await decodeImage(bomb)
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * MEBIBYTE)
    expect(data.every((level) => level === 0)).toBe(true)
  })

  it.each([
    ['empty', ''],
    ['without entries', 'MM\0*\0\0\0\x08'],
    ['whose directory is elsewhere', 'MM\0*\xff\xff\xff\xff'],
    ['with more entries than bytes', 'II*\0\x08\0\0\0\xff\xff\x12\x01\x03'],
    ['with orientation 9', 'II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x09\0\0\0\0\0\0\0'],
    ['with an orientation of another type', 'II*\0\x08\0\0\0\x01\0\x12\x01\x04\0\x01\0\0\0\x06\0\0\0\0\0\0\0'],
  ])('a JPEG with EXIF %s as upright', async (_, tiff) => {
    const { data } = await decodeImage(withSegment(0xe1, Buffer.from(`Exif\0\0${tiff}`, 'latin1')))
    expect(sha256(data)).toBe(sha256((await decodeImage(jpeg)).data))
  })
})

it('heeds a signal', async () => {
  const reason = new Error('enough')
  await expect(decodeImage(jpeg, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})
