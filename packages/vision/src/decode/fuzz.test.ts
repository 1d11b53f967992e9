import { readdirSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { isG3Error } from '@g3/backend'
import { expect, it } from 'vitest'
import { fixture } from '../testing/fixtures.js'
import { random } from '../testing/random.js'
import { decodeImage } from './decode-image.js'

/** Runs so many times as many files, of other seeds too: `G3_FUZZ=50 npm test -- packages/vision/src/decode/fuzz`. */
const TIMES = Number(process.env.G3_FUZZ ?? 1)
const LIMITS = { maxPixels: 4e6 }
/** A decoder's WASM and what it may grow to, until it is collected. */
const MOST_GROWTH = 512 * 2 ** 20

type Pick = (below: number) => number

/** Cuts a file, copies a part of it elsewhere, or changes bytes: anywhere, or where headers are. */
function damage(bytes: Uint8Array, pick: Pick): Uint8Array {
  const kind = pick(5)
  if (kind === 0) return bytes.slice(0, pick(bytes.length))
  if (kind === 1) return bytes.copyWithin(pick(bytes.length), pick(bytes.length), pick(bytes.length))
  const places = kind === 2 ? Math.min(100, bytes.length) : bytes.length
  for (let left = 1 + pick(kind === 3 ? 1 : 12); left > 0; left--) bytes[pick(places)] = [0, 255, pick(256)][pick(3)]
  return bytes
}

/** Makes a PNG's check sums right again, so that damage gets past them. */
function mendSums(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer)
  for (let at = 8; at + 12 <= bytes.length;) {
    const end = at + 8 + view.getUint32(at)
    if (end + 4 > bytes.length) break
    view.setUint32(end, crc32(bytes.subarray(at + 4, end)))
    at = end + 4
  }
  return bytes
}

const files = readdirSync(new URL('../../fixtures/pillow', import.meta.url)).sort()

it.each([
  ['png', 2000],
  ['gif', 2000],
  ['jpg', 50],
  ['webp', 50],
  ['avif', 15],
])('damaged files: %s, %i times G3_FUZZ', { timeout: TIMES * 60_000 }, async (type, count) => {
  const pick = random(count)
  const seeds = files.filter((file) => file.endsWith(`.${type}`)).map((file) => fixture(`pillow/${file}`))
  const outcomes = new Map<string, number>()
  let slowest = 0
  let growth = 0
  const before = process.memoryUsage.rss()
  for (let i = 0; i < count * TIMES; i++) {
    const damaged = damage(seeds[pick(seeds.length)].slice(), pick)
    const bytes = type === 'png' && pick(4) > 0 ? mendSums(damaged) : damaged
    const start = performance.now()
    const found: unknown = await decodeImage(bytes, { limits: LIMITS }).then(
      ({ width, height, data }) => data.length === 3 * width * height && width * height <= LIMITS.maxPixels && 'read',
      (error: unknown) => (isG3Error(error) && error.code.startsWith('vision/') ? error.code : error),
    )
    slowest = Math.max(slowest, performance.now() - start)
    growth = Math.max(growth, process.memoryUsage.rss() - before)
    if (typeof found !== 'string') throw new Error(`file ${i} of ${type}: ${String(found)}`, { cause: found })
    outcomes.set(found, (outcomes.get(found) ?? 0) + 1)
  }
  for (const outcome of ['read', 'vision/truncated', 'vision/damaged']) expect(outcomes.get(outcome)).toBeGreaterThan(0)
  expect(slowest).toBeLessThan(5000)
  expect(growth).toBeLessThan(MOST_GROWTH)
})
