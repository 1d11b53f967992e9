import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { cachedModelPath, fixtureBytes, fixturePath } from '../testing/fixtures.js'
import { blobSource, bytesSource, type ByteSource } from './byte-source.js'
import { fileSource } from './file-source.js'
import { placeOf, readGguf, repackedTypes, tensorNamed, type Gguf } from './gguf.js'
import { ggufHeader, writeGguf } from './gguf-writer.js'
import { tokenizerFields } from './tokenizer-fields.js'
import { isPackedStrings, type GgufValue } from './values.js'

/** What gguf-py reads from the same file; long things as sha256. */
interface Oracle {
  readonly file: string
  readonly metadata: Record<string, number | string | boolean | { array: string; length: number; sha256: string }>
  readonly tensors: readonly {
    name: string
    type: string
    shape: number[]
    offset: number
    bytes: number
    sha256?: string
  }[]
}

const oracle = (name: string): Oracle => JSON.parse(readFileSync(fixturePath(`gguf-py/${name}`), 'utf8'))
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A value in the oracle's form. */
function summary(value: GgufValue): Oracle['metadata'][string] {
  if (isPackedStrings(value)) {
    const hash = createHash('sha256')
    value.starts.forEach((start, i) => {
      const length = value.lengths[i] ?? 0
      hash.update(BigUint64Array.of(BigInt(length))).update(value.bytes.subarray(start, start + length))
    })
    return { array: 'STRING', length: value.starts.length, sha256: hash.digest('hex') }
  }
  if (!ArrayBuffer.isView(value))
    return typeof value === 'bigint' ? Number(value) : (value as number | string | boolean)
  const types: Record<string, string> = { Float32Array: 'FLOAT32', Int32Array: 'INT32', Uint32Array: 'UINT32' }
  const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
  return { array: types[value.constructor.name] ?? value.constructor.name, length: value.length, sha256: sha256(bytes) }
}

async function expectAsOracle(gguf: Gguf, expected: Oracle): Promise<void> {
  const metadata = Object.fromEntries([...gguf.metadata].map(([key, value]) => [key, summary(value)]))
  expect(metadata).toEqual(expected.metadata)
  expect(gguf.tensors.size + gguf.unsupported.size).toBe(expected.tensors.length)
  for (const { name, type, shape, offset, bytes, sha256: hash } of expected.tensors) {
    const tensor = gguf.tensors.get(name)
    expect(tensor ?? gguf.unsupported.get(name)).toMatchObject({ name, type, shape, offset, byteLength: bytes })
    if (!hash || !tensor) continue
    const data = new Uint8Array(bytes)
    await tensor.read(0, data)
    expect(sha256(data), name).toBe(hash)
  }
}

describe('readGguf beside gguf-py', () => {
  const real = 'gemma-3-270m-q4_k_m.json'
  it.each(readdirSync(fixturePath('gguf-py')).filter((name) => name !== real))('%s', async (name) => {
    const expected = oracle(name)
    await expectAsOracle(await readGguf(bytesSource(fixtureBytes(`tiny-random/${expected.file}`))), expected)
  })

  const path = cachedModelPath()
  it.skipIf(!path)('the real 270M, in bounded time', async () => {
    const source = await fileSource(await open(path ?? ''), 'gemma-3-270m')
    const start = performance.now()
    const gguf = await readGguf(source)
    const vocabulary = tokenizerFields(gguf)
    const elapsed = performance.now() - start
    await expectAsOracle(gguf, oracle(real))
    expect(vocabulary.pieces.lengths.length).toBe(262_144)
    expect(vocabulary).toMatchObject({ bos: 2, eos: 1, unknown: 3, addBos: true })
    // Measured 15 to 30 ms; the bound leaves room for a busy machine, and none for 262,144 strings or waits.
    expect(elapsed).toBeLessThan(300)
    await source.close?.()
  })
})

describe('sources', () => {
  const name = 'tiny-random/tiny-text-f32.gguf'
  const bytes = fixtureBytes(name)
  const kinds: Record<string, () => Promise<ByteSource>> = {
    bytes: async () => bytesSource(bytes),
    blob: async () => blobSource(new Blob([bytes])),
    file: async () => fileSource(await open(fixturePath(name))),
  }

  describe.each(Object.entries(kinds))('%s', (_, make) => {
    it('reads any range into any memory', async () => {
      const source = await make()
      expect(source.size).toBe(bytes.byteLength)
      for (const [offset, length] of [
        [0, 0],
        [0, 1],
        [7, 100_001],
        [bytes.byteLength - 3, 3],
        [bytes.byteLength, 0],
      ] as const) {
        for (const into of [new Uint8Array(length), new Uint8Array(new SharedArrayBuffer(length + 5), 5)]) {
          await source.read(offset, into)
          expect(Buffer.compare(into, bytes.subarray(offset, offset + length))).toBe(0)
        }
      }
      await source.close?.()
    })

    it('refuses ranges outside the file and stops when told', async () => {
      const source = await make()
      for (const [offset, length] of [
        [bytes.byteLength, 1],
        [0, bytes.byteLength + 1],
        [-1, 1],
        [0.5, 1],
        [NaN, 1],
        [2 ** 60, 1],
      ] as const) {
        await expect(source.read(offset, new Uint8Array(length))).rejects.toMatchObject({ code: 'gguf/truncated' })
      }
      const reason = new Error('enough')
      await expect(source.read(0, new Uint8Array(9), AbortSignal.abort(reason))).rejects.toBe(reason)
      await expect(readGguf(source, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
      await source.close?.()
    })
  })

  it('a file that shrinks or fails under the reader is an error, not a wait', async () => {
    const stat = async () => ({ size: 10 })
    const shrunk = await fileSource({ stat, read: async () => ({ bytesRead: 0 }) }, 'shrunk.gguf')
    await expect(shrunk.read(0, new Uint8Array(4))).rejects.toMatchObject({ code: 'gguf/truncated' })
    const broken = await fileSource(
      { stat, read: async () => Promise.reject(new Error('EIO: i/o error')) },
      'broken.gguf',
    )
    await expect(broken.read(0, new Uint8Array(4))).rejects.toMatchObject({
      code: 'gguf/read',
      message: /broken.gguf.*EIO/,
    })
  })
})

describe('tensors', () => {
  it('reads parts of a tensor and nothing beside it', async () => {
    const gguf = await readGguf(bytesSource(fixtureBytes('tiny-random/tiny-text-q4_0.gguf')))
    const tensor = tensorNamed(gguf, 'blk.0.attn_q.weight')
    const byteLength = 128 * 36
    expect(tensor).toMatchObject({ type: 'Q4_0', rows: 128, cols: 64, byteLength })
    const whole = new Uint8Array(byteLength)
    await tensor.read(0, whole)
    const part = new Uint8Array(36)
    await tensor.read(36, part)
    expect(part).toEqual(whole.slice(36, 72))
    for (const offset of [-1, byteLength - 35, 0.5, NaN]) {
      await expect(tensor.read(offset, part)).rejects.toMatchObject({ code: 'tensor/read-range' })
    }
  })

  it('repacks a tensor of a type that backends do not hold', async () => {
    const gguf = await readGguf(bytesSource(fixtureBytes('tiny-random/tinyk-text-iq3_s.gguf')))
    const name = 'blk.0.attn_q.weight'
    const stored = gguf.tensors.get(name)
    expect(stored).toMatchObject({ type: 'IQ3_S', rows: 256, cols: 256, byteLength: 256 * 110 })
    expect(tensorNamed(gguf, name)).toMatchObject({ name, type: 'Q8_0', rows: 256, cols: 256 })
    expect(repackedTypes(gguf)).toEqual(['IQ3_S'])
    expect(tensorNamed(gguf, 'output_norm.weight')).toBe(gguf.tensors.get('output_norm.weight'))
  })

  it('keeps a tensor of an unsupported type out of reach and names its type', async () => {
    const tensors = [
      { name: 'whole', type: 26, shape: [4, 2], data: new Uint8Array(32) },
      { name: 'real', type: 0, shape: [4], data: new Uint8Array(16) },
    ]
    const gguf = await readGguf(bytesSource(writeGguf({ metadata: {}, tensors }), 'tiny.gguf'))
    expect([...gguf.tensors.keys()]).toEqual(['real'])
    expect(placeOf(gguf, 'whole')?.shape).toEqual([4, 2])
    expect(() => tensorNamed(gguf, 'whole')).toThrow(
      expect.objectContaining({
        code: 'gguf/unsupported-type',
        message: expect.stringMatching(/whole.*tiny\.gguf is I32.*Q4_0/),
      }),
    )
    expect(() => tensorNamed(gguf, 'nothing')).toThrow(expect.objectContaining({ code: 'gguf/missing-tensor' }))
  })

  it('a type that nobody knows is listed by number', async () => {
    const tensors = [{ name: 'x', type: 99, shape: [3], data: new Uint8Array(64) }]
    const gguf = await readGguf(bytesSource(writeGguf({ metadata: {}, tensors })))
    expect(gguf.unsupported.get('x')).toMatchObject({ type: 'type 99', byteLength: undefined })
  })
})

describe('writeGguf', () => {
  it('writes what readGguf reads, in every value type', async () => {
    const metadata = {
      text: 'naïve 😀',
      empty: '',
      yes: true,
      u8: { u8: 255 },
      u16: { u16: 65_535 },
      u32: { u32: 4_294_967_295 },
      i32: { i32: -7 },
      f32: { f32: 0.5 },
      f64: { f64: 0.1 },
      small: { u64: 9_007_199_254_740_991n },
      large: { u64: 9_007_199_254_740_993n },
      low: { i64: -9_007_199_254_740_993n },
      floats: Float32Array.of(1, -2.5),
      bigs: BigUint64Array.of(2n ** 64n - 1n),
      doubles: Float64Array.of(0.1),
      shorts: Int16Array.of(-3, 4),
    }
    const tensors = [
      { name: 'a', type: 0, shape: [3, 2], data: new Uint8Array(24).fill(1) },
      { name: 'b', type: 0, shape: [1], data: new Uint8Array(4).fill(2) },
    ]
    const gguf = await readGguf(
      bytesSource(writeGguf({ metadata: { ...metadata, words: ['x', '', 'yz'] }, tensors, alignment: 64 })),
    )
    const plain = { ...metadata, u8: 255, u16: 65_535, u32: 4_294_967_295, i32: -7, f32: 0.5, f64: 0.1 }
    const { words, ...rest } = Object.fromEntries(gguf.metadata)
    expect(rest).toEqual({
      'general.alignment': 64,
      ...plain,
      small: Number.MAX_SAFE_INTEGER,
      large: 9_007_199_254_740_993n,
      low: -9_007_199_254_740_993n,
    })
    expect(words).toMatchObject({ lengths: Uint32Array.of(1, 0, 2) })
    expect(gguf.alignment).toBe(64)
    const b = tensorNamed(gguf, 'b')
    expect(b).toMatchObject({ rows: 1, cols: 1, offset: gguf.dataOffset + 64 })
    const data = new Uint8Array(4)
    await b.read(0, data)
    expect(data).toEqual(new Uint8Array(4).fill(2))
  })

  it('says where the data of each tensor goes, for writers that bring it piece by piece', () => {
    const tensors = [
      { name: 'a', type: 0, shape: [3, 2], data: new Uint8Array(24).fill(1) },
      { name: 'b', type: 0, shape: [1], data: new Uint8Array(4).fill(2) },
    ]
    const whole = writeGguf({ metadata: { text: 'x' }, tensors })
    const sized = tensors.map((tensor) => ({ ...tensor, byteLength: tensor.data.byteLength }))
    const { bytes, offsets } = ggufHeader({ metadata: { text: 'x' }, tensors: sized })
    expect(bytes).toEqual(whole.slice(0, offsets[0]))
    const pieced = new Uint8Array(whole.byteLength)
    pieced.set(bytes)
    offsets.forEach((offset, i) => pieced.set(tensors[i].data, offset))
    expect(pieced).toEqual(whole)
  })

  it('refuses numbers that do not fit', () => {
    for (const field of [{ u8: 256 }, { u32: -1 }, { i32: 0.5 }, { u64: -1n }]) {
      expect(() => writeGguf({ metadata: { field }, tensors: [] })).toThrow(
        expect.objectContaining({ code: 'gguf/write' }),
      )
    }
  })
})
