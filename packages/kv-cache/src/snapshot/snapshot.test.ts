import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pool, type Pool, type PoolOptions } from '../pool.js'
import type { Sequence } from '../sequence.js'
import { byteMemory, type ByteMemory } from '../testing/byte-memory.js'
import { decodeSnapshot, type DecodeOptions, type Restored } from './decode.js'
import { encodeSnapshot, type EncodeOptions } from './encode.js'
import { PREAMBLE } from './format.js'
import { xxh32 } from './xxh32.js'

const options: PoolOptions = { caches: [{ window: 100, pages: 12 }, { pages: 12 }], context: 1000, maxRows: 300 }
const coded = (code: string) => expect.objectContaining({ code: `kv-cache/${code}` })

interface Place {
  readonly pool: Pool
  readonly memory: ByteMemory
}

function place(change: Partial<PoolOptions> = {}): Place {
  const made = pool({ ...options, ...change })
  return { pool: made, memory: byteMemory(made) }
}

/** A text with images, of which the window has left some pages. A fork, since that holds what a snapshot does. */
function someText({ pool: made, memory }: Place): Sequence {
  const text = made.sequence()
  memory.append(text, 300, [{ start: 7, end: 40 }])
  memory.append(text, 300)
  memory.append(text, 65, [{ start: 601, end: 633 }])
  const fork = text.fork()
  text.drop()
  return fork
}

const keysFor = (text: Sequence): Int32Array => Int32Array.from({ length: text.length }, (_, i) => 3 * i - 50)

const encode = ({ memory }: Place, text: Sequence, change: Partial<EncodeOptions> = {}) =>
  encodeSnapshot(text, {
    model: 'some',
    caches: memory.forms,
    keys: keysFor(text),
    readPage: memory.readPage,
    ...change,
  })

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: number[] = []
  for await (const chunk of chunks) parts.push(...chunk)
  return Uint8Array.from(parts)
}

async function* inChunks(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size)
}

const decode = (
  { pool: made, memory }: Place,
  bytes: Uint8Array,
  change: Partial<DecodeOptions> = {},
  chunk = 100_000,
): Promise<Restored> =>
  decodeSnapshot(inChunks(bytes, chunk), {
    pool: made,
    model: 'some',
    caches: memory.forms,
    writePage: memory.writePage,
    ...change,
  })

const pagesUsed = ({ pool: made }: Place): number => made.usage().caches.reduce((sum, { used }) => sum + used, 0)

const origin = place()
const text = someText(origin)
const bytes = await bytesOf(encode(origin, text))

/** The header of a snapshot. */
function headerOf(snapshot: Uint8Array): { readonly caches: readonly object[] } {
  const length = new DataView(snapshot.buffer, snapshot.byteOffset).getUint32(12, true)
  return JSON.parse(new TextDecoder().decode(snapshot.subarray(PREAMBLE, PREAMBLE + length)))
}

/** What the header tells of the caches, the first of them changed. */
function formsWith(change: object): readonly object[] {
  const [first, ...rest] = headerOf(bytes).caches
  return [{ ...first, ...change }, ...rest]
}

/** Restoring is refused by this code, and leaves no page in use. */
async function expectRefused(code: string, changed: Uint8Array, change: Partial<DecodeOptions> = {}): Promise<void> {
  const there = place()
  await expect(decode(there, changed, change)).rejects.toThrow(coded(code))
  expect(pagesUsed(there)).toBe(0)
}

describe('a snapshot', () => {
  it.each([1, 7, 4096, 100_000])('restores the text, from chunks of %s bytes', async (chunk) => {
    const there = place()
    there.memory.append(there.pool.sequence(), 5) // so that pages have other numbers
    const { sequence, keys } = await decode(there, bytes, {}, chunk)
    expect(sequence.state()).toEqual(text.state())
    expect(keys).toEqual(keysFor(text))
    expect(there.memory.rowsOf(sequence)).toEqual(origin.memory.rowsOf(text))
    there.memory.append(sequence, 300)
    sequence.rewind(601)
    expect(sequence.blocks).toHaveLength(1)
  })

  it('restores a text of no positions, and one that was shifted', async () => {
    const here = place()
    const empty = await decode(here, await bytesOf(encode(here, here.pool.sequence())))
    expect([empty.sequence.length, empty.keys.length]).toEqual([0, 0])
    const cut = someText(here)
    cut.shift(128, 256)
    const there = place()
    const { sequence } = await decode(there, await bytesOf(encode(here, cut)))
    expect(sequence.state()).toEqual(cut.state())
    expect(there.memory.rowsOf(sequence)).toEqual(here.memory.rowsOf(cut))
  })

  it('is of the text as it was when it began, whatever becomes of it meanwhile', async () => {
    const here = place()
    const going = someText(here)
    const before = here.memory.rowsOf(going)
    const chunks = encode(here, going)
    const first = await chunks.next()
    here.memory.append(going, 60)
    going.drop()
    here.memory.append(here.pool.sequence(), 200)
    const rest = await bytesOf(chunks)
    const there = place()
    const { sequence } = await decode(there, Uint8Array.from([...(first.value ?? []), ...rest]))
    expect(there.memory.rowsOf(sequence)).toEqual(before)
  })

  it('gives its pages up when nobody wants the rest of it', async () => {
    const here = place()
    const short = someText(here)
    for await (const chunk of encode(here, short)) {
      expect(chunk.length).toBeGreaterThan(0)
      break
    }
    short.drop()
    expect(pagesUsed(here)).toBe(0)
  })

  it('is refused keys and layouts that do not match', async () => {
    const encoded = (change: Partial<EncodeOptions>) => bytesOf(encode(origin, text, change))
    await expect(encoded({ keys: new Int32Array(3) })).rejects.toThrow(coded('keys'))
    await expect(encoded({ caches: [] })).rejects.toThrow(coded('size'))
    await expect(encoded({ model: 'm'.repeat(70_000) })).rejects.toThrow(coded('size'))
  })
})

describe('restoring', () => {
  it('refuses what is of another model or layout, and says which', async () => {
    const [local, global] = origin.memory.forms
    await expectRefused('snapshot-foreign', bytes, { model: 'other' })
    await expectRefused('snapshot-foreign', bytes, { caches: [local] })
    await expectRefused('snapshot-foreign', bytes, { caches: [local, { ...global, pageBytes: 8 }] })
    await expect(decode(place(), bytes, { caches: [{ ...local, layout: 'bytes' }, global] })).rejects.toThrow(
      /cache 0 as numbers 0 in pages of 512 bytes, here it is bytes/,
    )
  })

  it('refuses another version', async () => {
    const changed = bytes.slice()
    changed[8] = 2
    await expectRefused('snapshot-version', changed)
  })

  it('refuses what does not fit', async () => {
    const narrow = place({ context: 600 })
    await expect(decode(narrow, bytes)).rejects.toThrow(coded('full'))
    const small = place({ caches: [{ window: 100, pages: 12 }, { pages: 4 }] })
    await expect(decode(small, bytes)).rejects.toThrow(coded('out-of-pages'))
    expect(pagesUsed(narrow) + pagesUsed(small)).toBe(0)
  })

  it('refuses a text that holds less than a window here would see', async () => {
    const there = place({ caches: [{ window: 500, pages: 12 }, { pages: 12 }] })
    await expect(decode(there, bytes)).rejects.toThrow(coded('snapshot-corrupt'))
  })

  it('refuses whatever is cut off', async () => {
    const lengths = fc.oneof(fc.nat(bytes.length - 1), fc.nat(400))
    await fc.assert(
      fc.asyncProperty(lengths, (length) => expectRefused('snapshot-truncated', bytes.subarray(0, length))),
      { numRuns: 150 },
    )
  })

  it('refuses whatever was changed', async () => {
    const places = fc.oneof(fc.nat(bytes.length - 1), fc.nat(400))
    await fc.assert(
      fc.asyncProperty(places, fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const changed = bytes.slice()
        changed[at] ^= flip
        const there = place()
        const code = await decode(there, changed).then(
          () => 'restored',
          (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
        )
        // A header that says it is longer makes the rest too short.
        const isLength = at >= 12 && at < 16
        if (at >= 8 && at < 12) expect(code).toBe('kv-cache/snapshot-version')
        else if (!isLength || code !== 'kv-cache/snapshot-truncated') expect(code).toBe('kv-cache/snapshot-corrupt')
        expect(pagesUsed(there)).toBe(0)
      }),
      { numRuns: 300 },
    )
  })

  it('refuses bytes after the end, pages in another order, and anything else', async () => {
    await expectRefused('snapshot-corrupt', Uint8Array.from([...bytes, 0]))
    const swapped = bytes.slice()
    const page = 128 * 4 + 4
    swapped.copyWithin(bytes.length - 2 * page, bytes.length - page)
    swapped.set(bytes.subarray(bytes.length - 2 * page, bytes.length - page), bytes.length - page)
    await expectRefused('snapshot-corrupt', swapped)
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 20 }), (any) => expectRefused('snapshot-corrupt', any)),
    )
  })

  it.each<[string, string, object]>([
    ['full', 'a length that nobody could hold', { length: 2 ** 53 - 1 }],
    ['full', 'a length beyond the context', { length: 1001 }],
    ['snapshot-corrupt', 'more images than positions', { blocks: 666 }],
    ['snapshot-corrupt', 'a length that is none', { length: -1 }],
    ['snapshot-corrupt', 'a length in words', { length: '665' }],
    ['snapshot-corrupt', 'no caches', { caches: undefined }],
    ['snapshot-corrupt', 'caches that are none', { caches: [null, 3] }],
    ['snapshot-corrupt', 'pages that are no number', { caches: formsWith({ count: 1.5 }) }],
    ['snapshot-corrupt', 'fewer pages than a text has', { caches: formsWith({ first: 0, count: 0 }) }],
    ['snapshot-corrupt', 'more pages than a text has', { caches: formsWith({ count: 2 ** 40 }) }],
    ['snapshot-corrupt', 'no word on shifts', { wasShifted: undefined }],
    ['snapshot-foreign', 'another number of caches', { caches: [] }],
  ])('refuses as %s a header, its checksum right, with %s', async (code, _, change) => {
    const header = new TextEncoder().encode(JSON.stringify({ ...headerOf(bytes), ...change }))
    const preamble = bytes.slice(0, PREAMBLE)
    const view = new DataView(preamble.buffer)
    view.setUint32(12, header.length, true)
    view.setUint32(16, xxh32(header, header.length), true)
    const rest = bytes.subarray(PREAMBLE + new DataView(bytes.buffer).getUint32(12, true))
    await expectRefused(code, Uint8Array.from([...preamble, ...header, ...rest]))
  })

  it('refuses a header that would fill the memory, before it reads on', async () => {
    const long = bytes.slice()
    new DataView(long.buffer).setUint32(12, 2 ** 32 - 1, true)
    await expectRefused('snapshot-corrupt', long)
  })

  it('holds nothing when a page cannot be written, and ends the stream', async () => {
    const there = place()
    let isClosed = false
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* inChunks(bytes, 1000)
      } finally {
        isClosed = true
      }
    }
    const writePage = async (cache: number): Promise<void> => {
      if (cache === 1) throw new Error('disk on fire')
    }
    const { pool: made, memory } = there
    const restored = decodeSnapshot(source(), { pool: made, model: 'some', caches: memory.forms, writePage })
    await expect(restored).rejects.toThrow('disk on fire')
    expect([pagesUsed(there), isClosed]).toEqual([0, true])
  })
})
