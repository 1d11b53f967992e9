import { isG3Error } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { bytesSource, type ByteSource } from '../gguf/index.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { rawSafetensors, writeSafetensors } from './writer.js'
import { readSafetensors } from './header.js'
import { parseJson } from './json.js'

const text = (value: string) => new TextEncoder().encode(value)
const described = (tensors: Record<string, unknown>, bytes = 8) =>
  rawSafetensors(JSON.stringify(tensors), new Uint8Array(bytes))
const one = (changes: Record<string, unknown>, bytes = 8) =>
  described({ t: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...changes } }, bytes)
const two = (a: readonly number[], b: readonly number[], bytes: number) =>
  described(
    {
      a: { dtype: 'U8', shape: [a[2]], data_offsets: a.slice(0, 2) },
      b: { dtype: 'U8', shape: [b[2]], data_offsets: b.slice(0, 2) },
    },
    bytes,
  )

describe('readSafetensors', () => {
  it('reads names, shapes, places and metadata', async () => {
    const bytes = writeSafetensors(
      [
        { name: 'm', dtype: 'BF16', shape: [2, 3], bytes: new Uint8Array(12) },
        { name: 'nothing', dtype: 'F32', shape: [0, 4], bytes: new Uint8Array(0) },
        { name: 'scalar', dtype: 'I64', shape: [], bytes: new Uint8Array(8) },
        { name: 'new', dtype: 'Q9', shape: [5], bytes: new Uint8Array(3) },
      ],
      { format: 'pt' },
    )
    const { tensors, metadata } = await readSafetensors(bytesSource(bytes))
    expect([...metadata]).toEqual([['format', 'pt']])
    expect([...tensors.keys()]).toEqual(['m', 'nothing', 'scalar', 'new'])
    const start = bytes.length - 23
    expect(tensors.get('m')).toMatchObject({ dtype: 'BF16', shape: [2, 3], offset: start, byteLength: 12 })
    expect(tensors.get('scalar')).toMatchObject({ shape: [], offset: start + 12, byteLength: 8 })
  })

  it('takes a header that is padded with spaces, and names that look like prototypes', async () => {
    const header =
      '{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"constructor":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}   '
    const { tensors } = await readSafetensors(bytesSource(rawSafetensors(header, new Uint8Array(2))))
    expect([...tensors.keys()]).toEqual(['__proto__', 'constructor'])
  })

  it.each<[string, string, Uint8Array, RegExp?]>([
    ['an empty file', 'truncated', new Uint8Array(0)],
    ['seven bytes', 'truncated', new Uint8Array(7)],
    ['a web page', 'bad-header', text('<!DOCTYPE html><title>Sign in</title>')],
    ['a GGUF file', 'bad-header', fixtureBytes('tiny-random/tiny-text-q4_0.gguf')],
    ['a header of 0 bytes', 'bad-header', rawSafetensors('')],
    ['a header of 2^64 - 1 bytes', 'bad-header', rawSafetensors('{}', undefined, 2n ** 64n - 1n)],
    ['a header past the end', 'truncated', rawSafetensors('{}', undefined, 3n)],
    ['a header that is no JSON', 'bad-json', rawSafetensors('{"a"}')],
    ['a header that is no UTF-8', 'bad-json', rawSafetensors(Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d))],
    ['a header that is a list', 'bad-header', rawSafetensors('[]')],
    ['a header of brackets', 'bad-json', rawSafetensors(`{"a":${'['.repeat(100_000)}`)],
    ['a tensor that is a number', 'bad-header', described({ t: 1 })],
    ['a tensor that is a list', 'bad-header', described({ t: [] })],
    ['metadata that is no text', 'bad-header', described({ __metadata__: { a: 1 } })],
    ['metadata that is a list', 'bad-header', described({ __metadata__: [] })],
    ['a name of 2,000 letters', 'bad-header', described({ ['t'.repeat(2000)]: {} })],
    ['a dtype that is a number', 'bad-tensor', one({ dtype: 0 })],
    ['no dtype', 'bad-tensor', one({ dtype: undefined })],
    ['no shape', 'bad-tensor', one({ shape: undefined })],
    ['a shape in words', 'bad-tensor', one({ shape: ['2'] })],
    ['a shape below zero', 'bad-tensor', one({ shape: [-2] })],
    ['half a shape', 'bad-tensor', one({ shape: [1.5] })],
    ['a shape past 2^53', 'bad-tensor', one({ shape: [2 ** 60] })],
    ['a shape whose product overflows', 'bad-tensor', one({ shape: [2 ** 30, 2 ** 30] })],
    ['nine dimensions', 'bad-tensor', one({ shape: [2, 1, 1, 1, 1, 1, 1, 1, 1] })],
    ['no offsets', 'bad-tensor', one({ data_offsets: undefined })],
    ['one offset', 'bad-tensor', one({ data_offsets: [0] })],
    ['three offsets', 'bad-tensor', one({ data_offsets: [0, 8, 8] })],
    ['offsets the wrong way round', 'bad-tensor', one({ data_offsets: [8, 0] })],
    ['an offset below zero', 'bad-tensor', one({ data_offsets: [-8, 0] })],
    ['bytes that do not match the shape', 'bad-tensor', one({ shape: [3] }), /8 bytes for 3 elements of F32/],
    ['four bits that end in a byte', 'bad-tensor', one({ dtype: 'F4', shape: [15] })],
    ['data past the end', 'truncated', one({ shape: [4], data_offsets: [0, 16] }), /incomplete/],
    ['an offset of 2^53 - 1', 'bad-tensor', one({ data_offsets: [0, 2 ** 53 - 1] })],
    ['an unknown type past the end', 'truncated', one({ dtype: 'Q9', data_offsets: [0, 2 ** 53 - 1] })],
    ['bytes after the last tensor', 'gap', one({}, 9), /1 bytes that belong to no tensor/],
    ['bytes before the first tensor', 'gap', one({ data_offsets: [1, 9] }, 9)],
    ['bytes between tensors', 'gap', two([0, 4, 4], [5, 9, 4], 9)],
    ['tensors that share bytes', 'overlap', two([0, 5, 5], [4, 9, 5], 9)],
    ['tensors in one place', 'overlap', two([0, 4, 4], [0, 4, 4], 4)],
    ['no tensor and some bytes', 'gap', described({}, 1)],
    [
      'a name twice',
      'gap',
      rawSafetensors(
        '{"t":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"t":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}}',
        new Uint8Array(8),
      ),
    ],
    ['70,000 tensors', 'too-large', described(Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [i, {}])))],
  ])('refuses %s', async (_, problem, bytes, message = /./) => {
    const error: unknown = await readSafetensors(bytesSource(bytes, 'hostile')).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code: `safetensors/${problem}`, message })
    expect(isG3Error(error)).toBe(true)
  })

  it('fetches the header and none of the data behind it', async () => {
    const header = writeSafetensors([{ name: 't', dtype: 'U8', shape: [10], bytes: new Uint8Array(10) }]).slice(0, -10)
    let fetched = 0
    const source: ByteSource = {
      name: 'large',
      size: header.length + 10,
      async read(offset, into) {
        fetched += into.byteLength
        into.set(header.subarray(offset, offset + into.byteLength))
      },
    }
    await readSafetensors(source)
    expect(fetched).toBe(header.length)
  })

  it('bounds what a header of 8 MiB can make it do', async () => {
    const lists = `{"a":${`[${'{},'.repeat(2_700_000)}{}]`}}`
    const bytes = rawSafetensors(lists)
    const heap = process.memoryUsage().heapUsed
    const start = performance.now()
    await expect(readSafetensors(bytesSource(bytes))).rejects.toMatchObject({ code: 'safetensors/bad-header' })
    expect(performance.now() - start).toBeLessThan(5000)
    expect(process.memoryUsage().heapUsed - heap).toBeLessThan(400 << 20)
  })
})

describe('parseJson', () => {
  it('counts brackets outside of strings only', () => {
    expect(parseJson(text('{"a":"[[[[\\"[[[","b":[1]}'), 'x', 2)).toEqual({ a: '[[[["[[[', b: [1] })
    expect(() => parseJson(text('{"a":[[1]]}'), 'x', 2)).toThrow(
      expect.objectContaining({ code: 'safetensors/bad-json' }),
    )
  })
})

describe('fuzzed files', () => {
  const original = fixtureBytes('tiny-random/model.safetensors')
  const headerEnd = 8 + Number(new DataView(original.buffer).getBigUint64(0, true))

  /** Opens each file; anything but success or a coded error fails. Returns how often each came. */
  async function survive(files: Iterable<Uint8Array>): Promise<Map<string, number>> {
    const codes = new Map<string, number>()
    for (const bytes of files) {
      const start = performance.now()
      const error: unknown = await readSafetensors(bytesSource(bytes)).then(
        () => undefined,
        (cause: unknown) => cause,
      )
      expect(performance.now() - start).toBeLessThan(2000)
      if (error !== undefined && !(isG3Error(error) && error.code.startsWith('safetensors/'))) throw error
      const code = error === undefined ? 'opened' : error.code
      codes.set(code, (codes.get(code) ?? 0) + 1)
    }
    return codes
  }

  let state = 7
  const pick = (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * limit)
  }

  it('every 11th truncation of the header, and some of the data', async () => {
    function* cut() {
      for (let length = 0; length < headerEnd; length += 11) yield original.subarray(0, length)
      for (let length = headerEnd; length < original.length; length += 9973) yield original.subarray(0, length)
    }
    const codes = await survive(cut())
    expect([...codes.keys()]).toEqual(['safetensors/truncated'])
    expect(codes.get('safetensors/truncated')).toBeGreaterThan(1500)
  })

  // The data plays no part: a file of the same size whose header alone is real keeps each round short.
  const source = (header: Uint8Array): Uint8Array => {
    const bytes = new Uint8Array(original.length)
    bytes.set(header)
    return bytes
  }

  it('2,000 bit flips and 1,000 moved pieces', async () => {
    function* damaged() {
      const header = original.slice(0, headerEnd)
      for (let i = 0; i < 3000; i++) {
        const copy = header.slice()
        if (i % 3 < 2) {
          const at = pick(headerEnd)
          copy[at] = (copy[at] ?? 0) ^ (1 << pick(8))
        } else {
          const at = 8 + pick(headerEnd - 40)
          copy.copyWithin(at, 8 + pick(headerEnd - 40), headerEnd - pick(32))
        }
        yield source(copy)
      }
    }
    const codes = await survive(damaged())
    expect(codes.size).toBeGreaterThan(4)
    expect(codes.get('safetensors/bad-json')).toBeGreaterThan(100)
  })
})
