import { describe, expect, it } from 'vitest'
import type { RgbImage } from '../image.js'
import { fixture, fixtureLines, sha256 } from '../testing/fixtures.js'
import { decodeImage } from './decode-image.js'

interface Case {
  readonly file: string
  readonly width: number
  readonly height: number
  readonly rgb_sha256: string
}

const cases = fixtureLines<Case>('pillow/cases.jsonl')

/** Most and mean difference in levels where the decoder is not Pillow's own: chroma of half the size is enlarged otherwise. */
const BOUNDS: readonly (readonly [RegExp, number, number])[] = [
  [/cmyk/, 1, 0.1],
  [/^avif-(444|grey)/, 1, 0.3],
  [/^exif-.*avif/, 8, 1],
  [/^avif-/, 40, 2],
]

const boundOf = ({ file }: Case) => BOUNDS.find(([name]) => name.test(file))

function difference(found: RgbImage, expected: RgbImage): { most: number; mean: number } {
  let most = 0
  let sum = 0
  for (let i = 0; i < expected.data.length; i++) {
    const levels = Math.abs(found.data[i] - expected.data[i])
    most = Math.max(most, levels)
    sum += levels
  }
  return { most, mean: sum / expected.data.length }
}

describe('decodes as Pillow, bit by bit', () => {
  it.each(cases.filter((one) => !boundOf(one)))('$file', async ({ file, width, height, rgb_sha256 }) => {
    const image = await decodeImage(fixture(`pillow/${file}`))
    expect([image.width, image.height, sha256(image.data)]).toEqual([width, height, rgb_sha256])
  })
})

describe('decodes nearly as Pillow', () => {
  it.each(cases.filter(boundOf))('$file', async (one) => {
    const [, most = 0, mean = 0] = boundOf(one) ?? []
    const image = await decodeImage(fixture(`pillow/${one.file}`))
    expect([image.width, image.height]).toEqual([one.width, one.height])
    const found = difference(image, await decodeImage(fixture(`pillow/expected/${one.file}.png`)))
    expect(found.most).toBeLessThanOrEqual(most)
    expect(found.mean).toBeLessThanOrEqual(mean)
  })
})

it.each([10, 12])('reads an AVIF of %i bits', async (bits) => {
  const { width, height, data } = await decodeImage(fixture(`jsquash/gradient-${bits}bit.avif`))
  expect([width, height]).toEqual([45, 37])
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const drawn = [x / width, y / height, (x + y) / (width + height)]
      for (let i = 0; i < 3; i++) expect(Math.abs(data[3 * (y * width + x) + i] - 255 * drawn[i])).toBeLessThan(4)
    }
  }
})

it('decodes several at a time, and leaves nothing on globalThis', async () => {
  const some = cases.filter(({ file }) => /jpeg-4|webp-l/.test(file))
  const found = await Promise.all(some.map(({ file }) => decodeImage(fixture(`pillow/${file}`))))
  expect(found.map(({ data }) => sha256(data))).toEqual(some.map(({ rgb_sha256 }) => rgb_sha256))
  expect('ImageData' in globalThis).toBe(false)
})

it('leaves the bytes as they are, wherever they lie in their buffer', async () => {
  for (const file of ['jpeg-444.jpg', 'webp-alpha.webp', 'avif-grey.avif', 'png-color2-8bit.png', 'gif-still.gif']) {
    const bytes = fixture(`pillow/${file}`)
    const before = sha256(bytes)
    const moved = new Uint8Array(bytes.length + 7)
    moved.set(bytes, 5)
    const { data } = await decodeImage(moved.subarray(5, 5 + bytes.length))
    expect(sha256(data)).toBe(sha256((await decodeImage(bytes)).data))
    expect(sha256(bytes)).toBe(before)
  }
})
