import { reference, rowBytes, type PackedTensor } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { configFromGguf, expectedTensors } from '../config.js'
import { bytesSource, readGguf, tensorNamed, type Gguf } from '../gguf/index.js'
import { loadGemma3 } from '../model/gemma3.js'
import { quantised } from '../packing/quantised.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { writeSafetensors, type TensorToStore } from './writer.js'
import { memoryFolder, tinyFiles } from '../testing/tiny-checkpoint.js'
import { goldenFloats, goldens, largestDifference } from '../testing/tiny-random.js'
import { openCheckpoint, type Checkpoint } from './checkpoint.js'
import { readSafetensors } from './header.js'
import { checkpointName } from './names.js'

const { prompts, ggufLogits } = goldens()
const tinyGguf = (type: string): Promise<Gguf> =>
  readGguf(bytesSource(fixtureBytes(`tiny-random/tiny-text-${type}.gguf`)))

async function bytesOf(tensor: PackedTensor): Promise<Uint8Array> {
  const bytes = new Uint8Array(tensor.rows * rowBytes(tensor.type, tensor.cols))
  await tensor.read(0, bytes)
  return bytes
}

/** Logits [tokens, vocab] of all positions, on the reference ops. */
async function logitsOf({ config, tensors }: Checkpoint, ids: readonly number[]): Promise<Float32Array> {
  await using backend = reference()
  const tensor = (name: string): PackedTensor => tensors.get(name) ?? expect.fail(`no ${name}`)
  await using model = await loadGemma3(backend, tensor, config)
  const all = new Float32Array(ids.length * config.vocab)
  await model.sequence().scores(Int32Array.from(ids), (at, logits) => all.set(logits, at * config.vocab))
  return all
}

/** The stored tensors of the tiny model's file, with their bytes. */
async function storedTensors(): Promise<TensorToStore[]> {
  const bytes = fixtureBytes('tiny-random/model.safetensors')
  const { tensors } = await readSafetensors(bytesSource(bytes))
  return [...tensors.values()].map(({ name, dtype, shape, offset, byteLength }) => ({
    name,
    dtype,
    shape,
    bytes: bytes.subarray(offset, offset + byteLength),
  }))
}

/** The tensors of a GGUF file as a checkpoint stores them: norms without the 1. */
async function checkpointOf(gguf: Gguf, prefix: string): Promise<TensorToStore[]> {
  const stored: TensorToStore[] = []
  for (const [name, extents] of expectedTensors(configFromGguf(gguf))) {
    const tensor = tensorNamed(gguf, name)
    const bytes = Uint8Array.from(await bytesOf(tensor))
    const values = extents.length === 1 ? new Float32Array(bytes.buffer).map((value) => value - 1) : undefined
    stored.push({
      name: prefix + checkpointName(name),
      dtype: tensor.type,
      shape: extents.toReversed(),
      bytes: values ? new Uint8Array(values.buffer) : bytes,
    })
  }
  return stored
}

describe('the tiny random checkpoint', () => {
  it.each(['text_short', 'text_long'] as const)(
    "gives Hugging Face's logits at every position of %s",
    async (prompt) => {
      const checkpoint = await openCheckpoint(memoryFolder(tinyFiles()).files)
      const { ids, logits } = prompts[prompt]
      expect(largestDifference(await logitsOf(checkpoint, ids), goldenFloats(logits))).toBeLessThan(1e-4)
    },
  )

  it('has the tensors of its GGUF conversion, bit for bit', async () => {
    const { tensors, config } = await openCheckpoint(memoryFolder(tinyFiles()).files)
    const gguf = await tinyGguf('f32')
    expect([...tensors.keys()].toSorted()).toEqual([...gguf.tensors.keys()].toSorted())
    for (const [name, tensor] of tensors) {
      const converted = tensorNamed(gguf, name)
      expect(tensor).toMatchObject({ type: converted.type, rows: converted.rows, cols: converted.cols })
      expect(await bytesOf(tensor)).toEqual(await bytesOf(converted))
    }
    expect({ ...config, rmsEps: Math.fround(config.rmsEps) }).toEqual(configFromGguf(gguf))
  })

  it.each([
    ['q8_0', 'Q8_0'],
    ['q4_0', 'Q4_0'],
  ] as const)('quantised to %s has the bits of its GGUF conversion', async (file, type) => {
    const { tensors } = await openCheckpoint(memoryFolder(tinyFiles()).files)
    const gguf = await tinyGguf(file)
    let equal = 0
    for (const [name, tensor] of tensors) {
      const converted = tensorNamed(gguf, name)
      if (converted.type !== type) continue
      expect(await bytesOf(quantised(tensor, type))).toEqual(await bytesOf(converted))
      equal++
    }
    expect(equal).toBeGreaterThan(48)
  })

  it('reads any part of a norm, with the 1', async () => {
    const { tensors } = await openCheckpoint(memoryFolder(tinyFiles()).files)
    const norm = tensors.get('output_norm.weight') ?? expect.fail('no norm')
    const whole = await bytesOf(norm)
    for (const [offset, length] of [
      [0, 4],
      [5, 1],
      [100, 156],
    ] as const) {
      const part = new Uint8Array(length)
      await norm.read(offset, part)
      expect(part).toEqual(whole.subarray(offset, offset + length))
    }
    await expect(norm.read(250, new Uint8Array(7))).rejects.toMatchObject({ code: 'tensor/read-range' })
    const matrix = tensors.get('token_embd.weight') ?? expect.fail('no matrix')
    await expect(matrix.read(131_070, new Uint8Array(4))).rejects.toMatchObject({ code: 'tensor/read-range' })
  })

  it('leaves its file open until it is closed', async () => {
    const folder = memoryFolder(tinyFiles())
    const checkpoint = await openCheckpoint(folder.files)
    expect(folder).toMatchObject({ open: 1, asked: ['config.json', 'model.safetensors'] })
    await checkpoint.close()
    await checkpoint.close()
    expect(folder.open).toBe(0)
  })
})

describe('other spellings of a checkpoint', () => {
  it.each(['f16', 'bf16'])('%s matrices under the names of a text model', async (type) => {
    const gguf = await tinyGguf(type)
    for (const prefix of ['model.', 'model.language_model.']) {
      const folder = memoryFolder({
        ...tinyFiles(),
        'model.safetensors': writeSafetensors(await checkpointOf(gguf, prefix)),
      })
      const checkpoint = await openCheckpoint(folder.files)
      expect(checkpoint.tensors.get('blk.0.attn_q.weight')?.type).toBe(type.toUpperCase())
      const ids = prompts.text_long.ids
      const last = (await logitsOf(checkpoint, ids)).slice((ids.length - 32) * 512)
      expect(largestDifference(last, goldenFloats(ggufLogits[`tiny-text-${type}.gguf`] ?? ''))).toBeLessThan(1e-3)
    }
  })

  it('norms in bf16', async () => {
    const half = (await storedTensors()).map((tensor): TensorToStore => {
      if (tensor.shape.length !== 1) return tensor
      const upper = new Uint16Array(Uint8Array.from(tensor.bytes).buffer).filter((_, i) => i % 2 === 1)
      return { ...tensor, dtype: 'BF16', bytes: new Uint8Array(upper.buffer) }
    })
    const { tensors } = await openCheckpoint(
      memoryFolder({ ...tinyFiles(), 'model.safetensors': writeSafetensors(half) }).files,
    )
    const norm = tensors.get('blk.3.attn_norm.weight') ?? expect.fail('no norm')
    expect(norm.type).toBe('F32')
    const got = new Float32Array((await bytesOf(norm)).buffer)
    const name = 'language_model.model.layers.3.input_layernorm.weight'
    const stored = (await storedTensors()).find((tensor) => tensor.name === name) ?? expect.fail('no norm')
    const cut = new Uint32Array(Uint8Array.from(stored.bytes).buffer).map((bits) => bits & 0xffff_0000)
    expect(got).toEqual(new Float32Array(cut.buffer).map((value) => 1 + value))
  })

  it('in three files with an index', async () => {
    const all = await storedTensors()
    const shardOf = (i: number) => `model-0000${(i % 3) + 1}-of-00003.safetensors`
    const shards = [0, 1, 2].map((k) => [
      shardOf(k),
      writeSafetensors(
        all.filter((_, i) => i % 3 === k),
        { format: 'pt' },
      ),
    ])
    const map = Object.fromEntries(all.map(({ name }, i) => [name, shardOf(i)]))
    const { 'config.json': config } = tinyFiles()
    const index = JSON.stringify({ metadata: { total_size: 1 }, weight_map: map })
    const folder = memoryFolder({
      'config.json': config,
      ...Object.fromEntries(shards),
      'model.safetensors.index.json': index,
    })
    const checkpoint = await openCheckpoint(folder.files)
    const { ids, logits } = prompts.text_short
    expect(largestDifference(await logitsOf(checkpoint, ids), goldenFloats(logits))).toBeLessThan(1e-4)
    expect(folder.open).toBe(3)
    await checkpoint.close()
    expect(folder.open).toBe(0)
  })
})

describe('checkpoints that do not fit together', () => {
  const change = async (edit: (all: TensorToStore[]) => TensorToStore[]) => ({
    ...tinyFiles(),
    'model.safetensors': writeSafetensors(edit(await storedTensors())),
  })
  const index = (map: unknown) => ({
    'config.json': tinyFiles()['config.json'],
    'a.safetensors': tinyFiles()['model.safetensors'],
    'model.safetensors.index.json': JSON.stringify({ weight_map: map }),
  })
  const edited = (name: string, more: Partial<TensorToStore>) =>
    change((all) => all.map((tensor) => (tensor.name.endsWith(name) ? { ...tensor, ...more } : tensor)))

  it.each<[string, string, () => Promise<Record<string, Uint8Array | string>> | Record<string, Uint8Array | string>]>([
    ['an empty folder', 'safetensors/missing-file', () => ({})],
    ['no config.json', 'safetensors/missing-file', () => ({ 'model.safetensors': '' })],
    ['no weights', 'safetensors/missing-file', () => ({ 'config.json': tinyFiles()['config.json'] })],
    ['a config.json that is a web page', 'safetensors/bad-json', () => ({ ...tinyFiles(), 'config.json': '<html>' })],
    ['a config.json that is a list', 'safetensors/bad-json', () => ({ ...tinyFiles(), 'config.json': '[]' })],
    [
      'a config.json of 2 MiB',
      'safetensors/json-too-large',
      () => ({ ...tinyFiles(), 'config.json': ' '.repeat(2 << 20) }),
    ],
    [
      'a tensor less',
      'safetensors/missing-tensor',
      () => change((all) => all.filter(({ name }) => !name.endsWith('3.mlp.up_proj.weight'))),
    ],
    ['no embedding', 'safetensors/no-text-model', () => change((all) => all.slice(1))],
    [
      'two embeddings',
      'safetensors/no-text-model',
      () =>
        change(([first, ...rest]) => [
          ...(first ? [first, { ...first, name: 'model.embed_tokens.weight' }] : []),
          ...rest,
        ]),
    ],
    ['a matrix on its side', 'safetensors/tensor-shape', () => edited('0.mlp.up_proj.weight', { shape: [64, 96] })],
    ['a vector as a matrix', 'safetensors/tensor-shape', () => edited('0.input_layernorm.weight', { shape: [1, 64] })],
    [
      'weights in 8 bits',
      'safetensors/unsupported-dtype',
      () => edited('1.mlp.up_proj.weight', { dtype: 'F8_E4M3', bytes: new Uint8Array(96 * 64) }),
    ],
    [
      'weights of an unknown kind',
      'safetensors/unsupported-dtype',
      () => edited('1.mlp.up_proj.weight', { dtype: 'Q9' }),
    ],
    ['an index that is no JSON', 'safetensors/bad-json', () => ({ ...index({}), 'model.safetensors.index.json': '{' })],
    ['an index without a map', 'safetensors/bad-index', () => index(undefined)],
    ['an index with a path', 'safetensors/bad-index', () => index({ x: '../a.safetensors' })],
    ['an index with an absolute path', 'safetensors/bad-index', () => index({ x: '/a.safetensors' })],
    ['an index with a number', 'safetensors/bad-index', () => index({ x: 1 })],
    [
      'an index of a thousand files',
      'safetensors/bad-index',
      () => index(Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`t${i}`, `${i}.safetensors`]))),
    ],
    ['an index whose file is missing', 'safetensors/missing-file', () => index({ x: 'b.safetensors' })],
    ['an index whose file lacks a tensor', 'safetensors/missing-tensor', () => index({ x: 'a.safetensors' })],
    [
      'an index of too few tensors',
      'safetensors/missing-tensor',
      () => index({ 'language_model.model.embed_tokens.weight': 'a.safetensors' }),
    ],
  ])('%s', async (_, code, files) => {
    const folder = memoryFolder(await files())
    await expect(openCheckpoint(folder.files)).rejects.toMatchObject({ code })
    expect(folder.open).toBe(0)
  })
})
