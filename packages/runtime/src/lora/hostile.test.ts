import { isG3Error, type PackedTensor } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { configFromGguf, type Gemma3Config } from '../config.js'
import { bytesSource, readGguf, writeGguf, type GgufField, type TensorToWrite } from '../gguf/index.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { readAdapter } from './adapter-file.js'
import { padded } from './padded.js'

const config: Gemma3Config = configFromGguf(
  await readGguf(bytesSource(fixtureBytes('tiny-random/tiny-text-f32.gguf'), 'tiny.gguf')),
)
const KEYS: Readonly<Record<string, GgufField>> = {
  'general.architecture': 'gemma3',
  'general.type': 'adapter',
  'adapter.type': 'lora',
  'adapter.lora.alpha': { f32: 8 },
}

/** @param shape extents, columns first */
const matrix = (name: string, ...shape: readonly number[]): TensorToWrite => ({
  name,
  type: 0,
  shape,
  data: new Uint8Array(4 * shape.reduce((product, extent) => product * extent, 1)),
})
const pair = (target: string, cols: number, rows: number, rank = 4): readonly TensorToWrite[] => [
  matrix(`${target}.lora_a`, cols, rank),
  matrix(`${target}.lora_b`, rank, rows),
]
const QUERY = pair('blk.0.attn_q.weight', 64, 128)

const open = async (
  tensors: readonly TensorToWrite[] = QUERY,
  keys: Readonly<Record<string, GgufField | undefined>> = {},
) => {
  const metadata: Record<string, GgufField> = {}
  for (const [key, value] of Object.entries({ ...KEYS, ...keys })) if (value !== undefined) metadata[key] = value
  return readAdapter(await readGguf(bytesSource(writeGguf({ metadata, tensors }), 'adapter.gguf')), config)
}

describe('an adapter that is not one of this model', () => {
  it('is told from one that is', async () => {
    const { name, alpha, pairs } = await open([...QUERY, ...pair('token_embd.weight', 4, 64, 512)].slice(0, 2))
    expect([name, alpha, [...pairs.keys()]]).toEqual(['adapter.gguf', 8, ['blk.0.attn_q.weight']])
    expect((await open(QUERY, { 'adapter.lora.alpha': undefined })).alpha).toBe(0)
    const embedding = [matrix('token_embd.weight.lora_a', 4, 512), matrix('token_embd.weight.lora_b', 4, 64)]
    expect((await open(embedding)).pairs.get('token_embd.weight')?.rank).toBe(4)
  })

  const cases: readonly (readonly [string, string, () => ReturnType<typeof open>])[] = [
    ['a model', 'lora/not-an-adapter', () => open(QUERY, { 'general.type': 'model' })],
    ['a file that does not say what it is', 'lora/not-an-adapter', () => open(QUERY, { 'general.type': undefined })],
    ['no tensors', 'lora/not-an-adapter', () => open([])],
    ['another kind of adapter', 'lora/unsupported', () => open(QUERY, { 'adapter.type': 'control_vector' })],
    [
      'an activated LoRA',
      'lora/unsupported',
      () => open(QUERY, { 'adapter.alora.invocation_tokens': Int32Array.of(1, 2) }),
    ],
    ['another architecture', 'lora/other-model', () => open(QUERY, { 'general.architecture': 'llama' })],
    ['an alpha that is no number', 'gguf/bad-key', () => open(QUERY, { 'adapter.lora.alpha': { f32: NaN } })],
    ['an alpha of letters', 'gguf/bad-key', () => open(QUERY, { 'adapter.lora.alpha': '8' })],
    ['a layer that is not there', 'lora/unknown-tensor', () => open(pair('blk.7.attn_q.weight', 64, 128))],
    ['an output matrix', 'lora/unknown-tensor', () => open(pair('output.weight', 64, 512))],
    ['a norm', 'lora/unknown-tensor', () => open([...QUERY, matrix('blk.0.attn_norm.weight', 64)])],
    ['a norm in two matrices', 'lora/unknown-tensor', () => open(pair('blk.0.attn_norm.weight', 64, 1))],
    ['a bias', 'lora/unknown-tensor', () => open([...QUERY, matrix('blk.0.attn_q.bias.lora_a', 64, 4)])],
    ['one half', 'lora/unpaired', () => open(QUERY.slice(1))],
    ['the other half', 'lora/unpaired', () => open(QUERY.slice(0, 1))],
    ['another width', 'lora/shape', () => open(pair('blk.0.attn_q.weight', 96, 128))],
    ['another number of outputs', 'lora/shape', () => open(pair('blk.0.attn_q.weight', 64, 64))],
    [
      'two ranks',
      'lora/shape',
      () => open([matrix('blk.0.attn_q.weight.lora_a', 64, 4), matrix('blk.0.attn_q.weight.lora_b', 8, 128)]),
    ],
    [
      'halves that are not transposed',
      'lora/shape',
      () => open([matrix('blk.0.attn_q.weight.lora_a', 4, 64), matrix('blk.0.attn_q.weight.lora_b', 4, 128)]),
    ],
    [
      'three dimensions',
      'lora/shape',
      () => open([matrix('blk.0.attn_q.weight.lora_a', 64, 2, 2), matrix('blk.0.attn_q.weight.lora_b', 4, 128)]),
    ],
    ['an embedding like a projection', 'lora/shape', () => open(pair('token_embd.weight', 64, 512))],
    ['a rank beyond all reason', 'lora/rank', () => open(pair('blk.0.attn_q.weight', 64, 128, 4097))],
  ]
  it.each(cases)('%s: %s', async (_, code, opened) => {
    await expect(opened()).rejects.toMatchObject({ code })
  })

  it('names some of the tensors that it does not know', async () => {
    const many = Array.from({ length: 9 }, (_, i) => pair(`blk.${i}.attn_x.weight`, 64, 128)).flat()
    await expect(open(many)).rejects.toThrow(/blk\.0\.attn_x\.weight\.lora_a, .* and 13 more/)
  })
})

describe('damaged adapters', () => {
  it('1,200 of them are opened or refused with a code', async () => {
    const original = fixtureBytes('lora/attn.gguf')
    const { dataOffset } = await readGguf(bytesSource(original, 'attn.gguf'))
    const codes = new Set<string>()
    let state = 7
    const below = (limit: number): number => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
      return Math.floor(((state >>> 0) / 2 ** 32) * limit)
    }
    for (let i = 0; i < 1200; i++) {
      const bytes = i % 4 === 0 ? original.slice(0, below(original.length)) : original.slice()
      if (i % 4 !== 0) for (let n = below(3); n >= 0; n--) bytes[below(dataOffset)] ^= 1 << below(8)
      const gguf = readGguf(bytesSource(bytes, 'fuzzed.gguf'))
      const error: unknown = await gguf
        .then((file) => readAdapter(file, config))
        .then(
          () => undefined,
          (cause: unknown) => cause,
        )
      if (error === undefined) codes.add('opened')
      else if (isG3Error(error) && /^(gguf|lora)\//.test(error.code)) codes.add(error.code)
      else throw new Error(`case ${i}: ${String(error)}`, { cause: error })
    }
    for (const code of ['opened', 'gguf/truncated', 'lora/unknown-tensor']) expect(codes).toContain(code)
  })
})

describe('a padded tensor', () => {
  it('is itself among zeros, wherever it is read', async () => {
    const values = Float32Array.from({ length: 15 }, (_, i) => i + 1)
    const tensor: PackedTensor = {
      name: 't',
      type: 'F32',
      rows: 5,
      cols: 3,
      read: async (offset, into) => into.set(new Uint8Array(values.buffer, offset, into.byteLength)),
    }
    const wide = padded(tensor, 8, 4)
    const want = Float32Array.from({ length: 32 }, (_, i) => (i < 20 && i % 4 < 3 ? 3 * (i >> 2) + (i % 4) + 1 : 0))
    const bytes = new Uint8Array(want.buffer)
    for (const [from, to] of [
      [0, 128],
      [0, 16],
      [8, 24],
      [13, 90],
      [79, 128],
      [96, 128],
    ]) {
      const into = new Uint8Array(to - from).fill(7)
      await wide.read(from, into)
      expect(into).toEqual(bytes.slice(from, to))
    }
    expect(padded(tensor, 5, 3)).toBe(tensor)
  })
})
