import { isG3Error } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { fixtureBytes } from '../testing/fixtures.js'
import { bytesSource, type ByteSource } from './byte-source.js'
import { readGguf } from './gguf.js'
import { byteWriter, writeGguf, type ByteWriter, type GgufField, type TensorToWrite } from './gguf-writer.js'
import { tokenizerFields } from './tokenizer-fields.js'

const U32 = 4
const U64 = 10
const STRING = 8
const ARRAY = 9
const HUGE = 2n ** 64n - 1n

/** A file made by hand: counts as claimed, then whatever `body` writes. */
function file(
  claims: { version?: number; tensors?: number | bigint; keys?: number | bigint },
  body: (out: ByteWriter) => void = () => {},
) {
  const out = byteWriter()
  out.raw(new TextEncoder().encode('GGUF'))
  out.u32(claims.version ?? 3)
  out.u64(claims.tensors ?? 0)
  out.u64(claims.keys ?? 0)
  body(out)
  out.pad(32)
  return out.bytes()
}

/** One key with the value that `body` writes (its type first), and room behind it. */
const keyed = (body: (out: ByteWriter) => void) =>
  file({ keys: 1 }, (out) => {
    out.text('k')
    body(out)
    out.raw(new Uint8Array(256))
  })

/** One tensor description. */
const described = (
  name: string,
  shape: readonly (number | bigint)[],
  type: number,
  offset: number | bigint,
  dims = shape.length,
) =>
  file({ tensors: 1 }, (out) => {
    out.text(name)
    out.u32(dims)
    for (const extent of shape) out.u64(extent)
    out.u32(type)
    out.u64(offset)
    out.raw(new Uint8Array(4096))
  })

const tensor = (name: string, more: Partial<TensorToWrite> = {}): TensorToWrite => ({
  name,
  type: 0,
  shape: [8],
  data: new Uint8Array(32),
  ...more,
})

const written = (metadata: Record<string, GgufField>, tensors: readonly TensorToWrite[] = []) =>
  writeGguf({ metadata, tensors })
const text = (value: string) => new TextEncoder().encode(value)
const whole = fixtureBytes('tiny-random/tiny-text-q4_0.gguf')

const CASES: Record<string, [code: string, bytes: Uint8Array, message?: RegExp]> = {
  'an empty file': ['gguf/truncated', new Uint8Array(0)],
  'seven bytes': ['gguf/truncated', text('GGUF\u0003\0\0')],
  'a web page': ['gguf/bad-magic', text('<!DOCTYPE html><title>Sign in</title>'), /"<!DO"/],
  'a zip': ['gguf/bad-magic', text('PK\u0003\u0004aaaaaaaaaaaaaaaa'), /"PK\.\."/],
  'version 0': ['gguf/version', file({ version: 0 })],
  'version 1': ['gguf/version', file({ version: 1 }), /version 1/],
  'version 4': ['gguf/version', file({ version: 4 })],
  'big-endian': ['gguf/big-endian', file({ version: 0x0300_0000 })],
  'keys past 2^53': ['gguf/too-large', file({ keys: HUGE })],
  'more keys than the file holds': ['gguf/truncated', file({ keys: 60_000 })],
  'more keys than any file has': ['gguf/too-large', file({ keys: 2 ** 40 })],
  'tensors past 2^53': ['gguf/too-large', file({ tensors: HUGE })],
  'more tensors than the file holds': ['gguf/truncated', file({ tensors: 60_000 })],
  'an empty key': ['gguf/bad-name', file({ keys: 1 }, (out) => out.raw(new Uint8Array(64)))],
  'a key past 2^53': ['gguf/too-large', file({ keys: 1 }, (out) => (out.u64(HUGE), out.raw(new Uint8Array(64))))],
  'a key of 64 KiB': ['gguf/bad-name', file({ keys: 1 }, (out) => out.text('k'.repeat(65_536)))],
  'a key that is no UTF-8': [
    'gguf/bad-name',
    file({ keys: 1 }, (out) => (out.u64(1), out.raw(new Uint8Array(64).fill(255)))),
  ],
  'a key twice': [
    'gguf/duplicate-key',
    file({ keys: 2 }, (out) => [1, 2].forEach((n) => (out.text('k'), out.u32(U32), out.u32(n)))),
  ],
  'a value of type 13': ['gguf/value-type', keyed((out) => out.u32(13))],
  'a value of type 2^32 - 1': ['gguf/value-type', keyed((out) => out.u32(0xffff_ffff))],
  'a boolean of 2': ['gguf/bad-bool', keyed((out) => (out.u32(7), out.raw(Uint8Array.of(2))))],
  'booleans of 2': [
    'gguf/bad-bool',
    keyed((out) => (out.u32(ARRAY), out.u32(7), out.u64(3), out.raw(Uint8Array.of(0, 1, 2)))),
  ],
  'a string past 2^53': ['gguf/too-large', keyed((out) => (out.u32(STRING), out.u64(HUGE)))],
  'a string past the end': ['gguf/truncated', keyed((out) => (out.u32(STRING), out.u64(1_000_000)))],
  'numbers past the end': ['gguf/truncated', keyed((out) => (out.u32(ARRAY), out.u32(U64), out.u64(2 ** 50)))],
  'numbers past 2^53': ['gguf/too-large', keyed((out) => (out.u32(ARRAY), out.u32(U64), out.u64(HUGE)))],
  'strings past the end': ['gguf/truncated', keyed((out) => (out.u32(ARRAY), out.u32(STRING), out.u64(2 ** 31)))],
  'a long string among strings': [
    'gguf/truncated',
    keyed((out) => (out.u32(ARRAY), out.u32(STRING), out.u64(2), out.u64(0), out.u64(5000))),
  ],
  'an array of type 77': ['gguf/value-type', keyed((out) => (out.u32(ARRAY), out.u32(77), out.u64(1)))],
  'arrays nested too deep': [
    'gguf/nesting',
    keyed((out) => (out.u32(ARRAY), [1, 2, 3, 4, 5].forEach(() => (out.u32(ARRAY), out.u64(1))))),
  ],
  'too many nested arrays': [
    'gguf/nesting',
    keyed((out) => (out.u32(ARRAY), out.u32(ARRAY), out.u64(70_000), out.raw(new Uint8Array(70_000 * 12)))),
  ],
  'alignment 0': ['gguf/alignment', written({ 'general.alignment': { u32: 0 } })],
  'alignment 24': ['gguf/alignment', written({ 'general.alignment': { u32: 24 } })],
  'alignment 2^31': ['gguf/alignment', written({ 'general.alignment': { u32: 2 ** 31 } })],
  'alignment as text': ['gguf/alignment', written({ 'general.alignment': '32' })],
  'one part of three': ['gguf/split', written({ 'split.count': { u16: 3 } }), /one of 3 parts/],
  'no dimension': ['gguf/bad-shape', described('t', [], 0, 0)],
  'five dimensions': ['gguf/bad-shape', described('t', [1, 1, 1, 1, 1], 0, 0)],
  '2^32 - 1 dimensions': ['gguf/bad-shape', described('t', [1], 0, 0, 0xffff_ffff)],
  'an extent of 0': ['gguf/bad-shape', described('t', [32, 0], 0, 0)],
  'an extent past 2^53': ['gguf/too-large', described('t', [HUGE], 0, 0)],
  'extents whose product overflows': ['gguf/bad-shape', described('t', [2 ** 32, 2 ** 32], 0, 0)],
  'extents whose bytes overflow': ['gguf/truncated', described('t', [2 ** 26, 2 ** 26], 0, 0)],
  'rows that are no whole blocks': ['gguf/bad-shape', described('t', [33], 2, 0), /multiple of 32/],
  'rows that are no whole blocks of another type': [
    'gguf/bad-shape',
    described('t', [32], 11, 0),
    /Q3_K needs a multiple of 256/,
  ],
  'an offset past 2^53': ['gguf/too-large', described('t', [8], 0, HUGE)],
  'an offset off the alignment': ['gguf/alignment', described('t', [8], 0, 8)],
  'an offset past the end': ['gguf/truncated', described('t', [8], 0, 32_000)],
  'an unknown type past the end': ['gguf/truncated', described('t', [8], 99, 32_000)],
  'data past the end': ['gguf/truncated', described('t', [2000], 0, 0), /incomplete/],
  'a tensor name of 1 MiB': ['gguf/bad-name', described('t'.repeat(1 << 20), [8], 0, 0)],
  'a tensor twice': ['gguf/duplicate-tensor', written({}, [tensor('a'), tensor('a')])],
  'a tensor twice, once unsupported': ['gguf/duplicate-tensor', written({}, [tensor('a'), tensor('a', { type: 99 })])],
  'tensors that overlap': ['gguf/overlap', written({}, [tensor('a', { shape: [16] }), tensor('b')])],
  'tensors in one place': ['gguf/overlap', written({}, [tensor('a', { data: new Uint8Array(0) }), tensor('b')])],
}

describe('hostile headers', () => {
  it.each(Object.entries(CASES))('%s', async (_, [code, bytes, message = /./]) => {
    const error: unknown = await readGguf(bytesSource(bytes, 'hostile.gguf')).catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code, message })
    expect(isG3Error(error)).toBe(true)
  })

  it('ends at the header limit on a source that never ends', async () => {
    let fetched = 0
    const endless: ByteSource = {
      name: 'endless',
      size: 2 ** 52,
      async read(offset, into) {
        fetched += into.byteLength
        into.fill(0)
        if (offset > 0) return
        into.set(file({ keys: 1 }, (out) => (out.text('k'), out.u32(ARRAY), out.u32(STRING), out.u64(2 ** 40))))
      },
    }
    await expect(readGguf(endless)).rejects.toMatchObject({ code: 'gguf/header-too-large' })
    expect(fetched).toBeLessThan(65 << 20)
  })

  it('fetches the header in steps and none of the data behind it', async () => {
    let fetched = 0
    const large: ByteSource = {
      name: 'large',
      size: 2 ** 40,
      async read(offset, into) {
        fetched += into.byteLength
        into.fill(0)
        into.set(whole.subarray(offset, offset + into.byteLength))
      },
    }
    expect((await readGguf(large)).tensors.size).toBeGreaterThan(90)
    expect(fetched).toBe(256 << 10)
  })

  it('walks the largest array of strings that fits in bounded time', async () => {
    const zeros: ByteSource = {
      name: 'zeros',
      size: 2 ** 40,
      async read(offset, into) {
        into.fill(0)
        if (offset === 0)
          into.set(
            file(
              { keys: 1 },
              (out) => (out.text('k'), out.u32(ARRAY), out.u32(STRING), out.u64(2 ** 23 - 100)),
            ).subarray(0, 49),
          )
      },
    }
    const start = performance.now()
    const gguf = await readGguf(zeros)
    expect(gguf.metadata.get('k')).toMatchObject({ starts: { length: 2 ** 23 - 100 } })
    expect(performance.now() - start).toBeLessThan(10_000)
  })
})

describe('tokenizerFields', () => {
  const sound: Record<string, GgufField> = {
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.tokens': ['<pad>', 'a', 'b'],
    'tokenizer.ggml.scores': Float32Array.of(0, -1, -2),
    'tokenizer.ggml.token_type': Int32Array.of(3, 1, 1),
    'tokenizer.ggml.bos_token_id': { u32: 2 },
  }
  const fields = async (changes: Record<string, GgufField | undefined>, tensors: readonly TensorToWrite[] = []) => {
    const kept = Object.entries({ ...sound, ...changes }).filter(
      (entry): entry is [string, GgufField] => entry[1] !== undefined,
    )
    return tokenizerFields(await readGguf(bytesSource(written(Object.fromEntries(kept), tensors))))
  }

  it('takes what is there and leaves out what is not', async () => {
    expect(await fields({})).toMatchObject({ scores: Float32Array.of(0, -1, -2), bos: 2 })
    expect(Object.keys(await fields({}))).toEqual(['pieces', 'scores', 'types', 'bos'])
  })

  const embedding = tensor('token_embd.weight', { shape: [4, 2] })
  it.each<[string, string, Record<string, GgufField | undefined>, TensorToWrite[]?]>([
    ['another kind', 'gguf/tokenizer', { 'tokenizer.ggml.model': 'gpt2' }],
    ['no kind', 'gguf/tokenizer', { 'tokenizer.ggml.model': undefined }],
    ['a kind that is no text', 'gguf/bad-key', { 'tokenizer.ggml.model': { u32: 1 } }],
    ['no pieces', 'gguf/tokenizer', { 'tokenizer.ggml.tokens': undefined }],
    ['pieces that are numbers', 'gguf/tokenizer', { 'tokenizer.ggml.tokens': Float32Array.of(1) }],
    ['an empty vocabulary', 'gguf/tokenizer', { 'tokenizer.ggml.tokens': [] }],
    ['no scores', 'gguf/tokenizer', { 'tokenizer.ggml.scores': undefined }],
    ['too few scores', 'gguf/tokenizer', { 'tokenizer.ggml.scores': Float32Array.of(0) }],
    ['a score that is NaN', 'gguf/tokenizer', { 'tokenizer.ggml.scores': Float32Array.of(0, NaN, 0) }],
    ['too many types', 'gguf/tokenizer', { 'tokenizer.ggml.token_type': Int32Array.of(1, 1, 1, 1) }],
    ['type 7', 'gguf/tokenizer', { 'tokenizer.ggml.token_type': Int32Array.of(1, 7, 1) }],
    ['a bos beyond the pieces', 'gguf/bad-key', { 'tokenizer.ggml.bos_token_id': { u32: 3 } }],
    ['a bos of 1.5', 'gguf/bad-key', { 'tokenizer.ggml.bos_token_id': { f32: 1.5 } }],
    ['an add_bos that is a number', 'gguf/bad-key', { 'tokenizer.ggml.add_bos_token': { u32: 1 } }],
    ['more pieces than embedding rows', 'gguf/tokenizer', {}, [embedding]],
  ])('%s', async (_, code, changes, tensors) => {
    await expect(fields(changes, tensors)).rejects.toMatchObject({ code })
  })
})
