import { describe, expect, it } from 'vitest'
import * as presets from './config.js'
import { configFromGguf, expectedTensors, type Gemma3Config } from './config.js'
import { bytesSource } from './gguf/byte-source.js'
import { fileSource } from './gguf/file-source.js'
import { readGguf, tensorNamed } from './gguf/gguf.js'
import { writeGguf, type GgufField, type TensorToWrite } from './gguf/gguf-writer.js'
import { cachedModelPath, fixtureBytes } from './testing/fixtures.js'
import { open } from 'node:fs/promises'

const { GEMMA3_270M, GEMMA3_1B, GEMMA3_4B, GEMMA3_12B, GEMMA3_27B } = presets

const weights = (config: Gemma3Config): number =>
  [...expectedTensors(config)].reduce(
    (total, [name, shape]) => total + (name === 'token_embd.weight' ? 0 : shape.reduce((a, b) => a * b, 1)),
    0,
  )

describe('presets', () => {
  // Gemma 3 report (arXiv 2503.19786), table 1: non-embedding parameters in millions.
  it.each([
    ['270M', GEMMA3_270M, 100],
    ['1B', GEMMA3_1B, 698],
    ['4B', GEMMA3_4B, 3209],
    ['12B', GEMMA3_12B, 10_759],
    ['27B', GEMMA3_27B, 25_600],
  ])('%s has the weights that the report counts', (_, config, millions) => {
    expect(Math.round(weights(config) / 1e6)).toBe(millions)
  })

  it('27B scales queries by width / heads, the others by headDim', () => {
    expect(GEMMA3_27B.attentionScale).toBe((5376 / 32) ** -0.5)
    for (const config of [GEMMA3_270M, GEMMA3_1B, GEMMA3_4B, GEMMA3_12B])
      expect(config.attentionScale).toBe(config.headDim ** -0.5)
  })
})

describe('configFromGguf', () => {
  const tiny: Gemma3Config = {
    layers: 7,
    width: 64,
    ffn: 96,
    heads: 4,
    kvHeads: 2,
    headDim: 32,
    window: 16,
    pattern: 6,
    context: 1024,
    vocab: 512,
    rmsEps: Math.fround(1e-6),
    rope: { global: { base: 1e6, scaling: 8 }, local: { base: 1e4, scaling: 1 } },
    attentionScale: 32 ** -0.5,
  }

  it("equals the checkpoint's config.json, for supported and unsupported types", async () => {
    for (const name of ['tiny-text-f32', 'tiny-text-q4_0', 'tiny-text-q4_1']) {
      expect(configFromGguf(await readGguf(bytesSource(fixtureBytes(`tiny-random/${name}.gguf`))))).toEqual(tiny)
    }
    const k = configFromGguf(await readGguf(bytesSource(fixtureBytes('tiny-random/tinyk-text-mixed.gguf'))))
    expect(k).toEqual({ ...tiny, layers: 2, width: 256, ffn: 256, headDim: 64, pattern: 2, attentionScale: 1 / 8 })
  })

  const path = cachedModelPath()
  it.skipIf(!path)('the real 270M is GEMMA3_270M', async () => {
    const source = await fileSource(await open(path ?? ''))
    expect(configFromGguf(await readGguf(source))).toEqual({ ...GEMMA3_270M, rmsEps: Math.fround(1e-6) })
    await source.close?.()
  })

  /** A small model with the layer count of a real one; every tensor lies in the same place of an imaginary file. */
  async function model(
    changes: Record<string, GgufField | undefined> = {},
    config: Gemma3Config = { ...tiny, layers: 2 },
    edit = (tensors: TensorToWrite[]) => tensors,
  ) {
    const fields: Record<string, GgufField | undefined> = {
      'general.architecture': 'gemma3',
      'gemma3.context_length': { u32: config.context },
      'gemma3.embedding_length': { u32: config.width },
      'gemma3.block_count': { u32: config.layers },
      'gemma3.feed_forward_length': { u32: config.ffn },
      'gemma3.attention.head_count': { u32: config.heads },
      'gemma3.attention.head_count_kv': { u32: config.kvHeads },
      'gemma3.attention.key_length': { u32: config.headDim },
      'gemma3.attention.value_length': { u32: config.headDim },
      'gemma3.attention.layer_norm_rms_epsilon': { f32: config.rmsEps },
      'gemma3.attention.sliding_window': { u32: config.window ?? 0 },
      'gemma3.rope.freq_base': { f32: 1e6 },
      ...changes,
    }
    const metadata = Object.fromEntries(
      Object.entries(fields).filter((entry): entry is [string, GgufField] => entry[1] !== undefined),
    )
    const tensors = [...expectedTensors(config)].map(([name, shape]) => ({
      name,
      type: 0,
      shape,
      data: new Uint8Array(shape.reduce((a, b) => a * b, 4)),
    }))
    return readGguf(bytesSource(writeGguf({ metadata, tensors: edit(tensors) }), 'tiny.gguf'))
  }
  const configOf = async (changes: Record<string, GgufField | undefined>) => configFromGguf(await model(changes))

  it('without RoPE scaling, with none, with a local base', async () => {
    expect((await configOf({})).rope).toEqual({ global: { base: 1e6, scaling: 1 }, local: { base: 1e4, scaling: 1 } })
    expect(
      (await configOf({ 'gemma3.rope.scaling.type': 'none', 'gemma3.rope.scaling.factor': { f32: 8 } })).rope.global
        .scaling,
    ).toBe(1)
    expect((await configOf({ 'gemma3.rope.scaling.factor': { f32: 4 } })).rope.global.scaling).toBe(4)
    expect((await configOf({ 'gemma3.rope.freq_base_swa': { f32: 5e4 } })).rope.local.base).toBe(5e4)
  })

  it('without a window every layer is global', async () => {
    for (const window of [undefined, { u32: 0 }]) {
      expect(await configOf({ 'gemma3.attention.sliding_window': window })).toMatchObject({
        window: undefined,
        pattern: 1,
      })
    }
  })

  it('takes the pattern as a number or as flags', async () => {
    const pattern = 'gemma3.attention.sliding_window_pattern'
    expect((await configOf({ [pattern]: { u32: 2 } })).pattern).toBe(2)
    const flags = (values: number[]) => flagField(pattern, values)
    expect(
      configFromGguf(await model({}, { ...tiny, layers: 4 }).then((gguf) => flags([1, 0, 1, 0])(gguf))).pattern,
    ).toBe(2)
    expect(
      configFromGguf(await model({}, { ...tiny, layers: 4 }).then((gguf) => flags([1, 1, 1, 1])(gguf))).pattern,
    ).toBe(5)
    const irregular = await model({}, { ...tiny, layers: 4 }).then((gguf) => flags([1, 0, 0, 1])(gguf))
    expect(() => configFromGguf(irregular)).toThrow(expect.objectContaining({ code: 'gguf/unsupported-model' }))
  })

  it('62 layers scale queries as 27B does', async () => {
    const config = configFromGguf(await model({}, { ...tiny, layers: 62, headDim: 8, window: 16 }))
    expect(config.attentionScale).toBe((64 / 4) ** -0.5)
  })

  it('keeps a final soft-cap', async () => {
    expect((await configOf({ 'gemma3.final_logit_softcapping': { f32: 30 } })).finalSoftcap).toBe(30)
    expect('finalSoftcap' in (await configOf({}))).toBe(false)
  })

  it.each<[string, string, Record<string, GgufField | undefined>]>([
    ['another model', 'gguf/architecture', { 'general.architecture': 'llama' }],
    ['no architecture', 'gguf/architecture', { 'general.architecture': undefined }],
    ['no layer count', 'gguf/missing-key', { 'gemma3.block_count': undefined }],
    ['no layers', 'gguf/bad-key', { 'gemma3.block_count': { u32: 0 } }],
    ['four billion layers', 'gguf/bad-key', { 'gemma3.block_count': { u32: 2 ** 32 - 1 } }],
    ['a layer count in words', 'gguf/bad-key', { 'gemma3.block_count': 'two' }],
    ['half a layer', 'gguf/bad-key', { 'gemma3.block_count': { f32: 1.5 } }],
    ['an epsilon of NaN', 'gguf/bad-key', { 'gemma3.attention.layer_norm_rms_epsilon': { f32: NaN } }],
    ['an epsilon of 0', 'gguf/bad-key', { 'gemma3.attention.layer_norm_rms_epsilon': { f32: 0 } }],
    ['an infinite base', 'gguf/bad-key', { 'gemma3.rope.freq_base': { f32: Infinity } }],
    ['heads that do not group', 'gguf/unsupported-model', { 'gemma3.attention.head_count_kv': { u32: 3 } }],
    ['values unlike keys', 'gguf/unsupported-model', { 'gemma3.attention.value_length': { u32: 16 } }],
    ['YaRN', 'gguf/unsupported-model', { 'gemma3.rope.scaling.type': 'yarn' }],
    ['wider tensors than it says', 'gguf/tensor-shape', { 'gemma3.embedding_length': { u32: 32 } }],
    ['more layers than tensors', 'gguf/missing-tensor', { 'gemma3.block_count': { u32: 3 } }],
  ])('refuses %s', async (_, code, changes) => {
    await expect(configOf(changes)).rejects.toMatchObject({ code })
  })

  it('names what is missing and what it is', async () => {
    const gap = await model({}, { ...tiny, layers: 2 }, (tensors) =>
      tensors.filter(({ name }) => !name.includes('attn_q_norm')),
    )
    expect(() => configFromGguf(gap)).toThrow(
      /lacks 2 tensors.*blk\.0\.attn_q_norm\.weight, blk\.1\.attn_q_norm\.weight/,
    )
    const untied = await model({}, { ...tiny, layers: 2 }, (tensors) => [
      ...tensors,
      { name: 'output.weight', type: 0, shape: [8], data: new Uint8Array(32) },
    ])
    expect(() => configFromGguf(untied)).toThrow(expect.objectContaining({ code: 'gguf/unsupported-model' }))
    const clip = await readGguf(bytesSource(fixtureBytes('tiny-random/tiny-mmproj-f16.gguf')))
    expect(() => configFromGguf(clip)).toThrow(/vision part/)
    expect(tensorNamed(clip, 'v.patch_embd.weight')).toMatchObject({ cols: 14, rows: 14 * 3 * 48 })
  })
})

/** A header with one flag a layer, which the writer has no form for. */
const flagField = (key: string, values: number[]) => async (gguf: Awaited<ReturnType<typeof readGguf>>) => ({
  ...gguf,
  metadata: new Map(gguf.metadata).set(key, Uint8Array.from(values)),
})
