import { describe, expect, it } from 'vitest'
import { bytesSource } from './gguf/byte-source.js'
import { readGguf } from './gguf/gguf.js'
import { writeGguf, type GgufField } from './gguf/gguf-writer.js'
import { fixtureBytes } from './testing/fixtures.js'
import { towerConfigFromGguf } from './tower-config.js'

const METADATA: Record<string, GgufField> = {
  'general.architecture': 'clip',
  'clip.has_vision_encoder': true,
  'clip.use_gelu': true,
  'clip.vision.projector_type': 'gemma3',
  'clip.vision.image_size': { u32: 896 },
  'clip.vision.patch_size': { u32: 14 },
  'clip.vision.embedding_length': { u32: 1152 },
  'clip.vision.feed_forward_length': { u32: 4304 },
  'clip.vision.block_count': { u32: 27 },
  'clip.vision.attention.head_count': { u32: 16 },
  'clip.vision.attention.layer_norm_epsilon': { f32: 1e-6 },
}

async function configOf(changes: Record<string, GgufField | undefined>, name = 'mm.input_projection.weight') {
  const metadata: Record<string, GgufField> = {}
  for (const [key, value] of Object.entries({ ...METADATA, ...changes })) if (value !== undefined) metadata[key] = value
  const tensors = [{ name, type: 1, shape: [8, 2], data: new Uint8Array(32) }]
  return towerConfigFromGguf(await readGguf(bytesSource(writeGguf({ metadata, tensors }), 'mmproj.gguf')))
}

describe('towerConfigFromGguf', () => {
  it('reads the published sizes, and pools by 4 where the file is silent', async () => {
    expect(await configOf({})).toEqual({
      imageSide: 896,
      patchSide: 14,
      width: 1152,
      ffn: 4304,
      layers: 27,
      heads: 16,
      eps: Math.fround(1e-6),
      poolSide: 4,
      outWidth: 8,
    })
    expect(await configOf({ 'clip.vision.projector.scale_factor': { u32: 2 } })).toMatchObject({ poolSide: 2 })
  })

  it.each<[what: string, changes: Record<string, GgufField | undefined>, code: string]>([
    ['a text model', { 'general.architecture': 'gemma3' }, 'gguf/architecture'],
    ['a file without an encoder', { 'clip.has_vision_encoder': false }, 'gguf/architecture'],
    ["another model's projector", { 'clip.vision.projector_type': 'mlp' }, 'gguf/unsupported-model'],
    ['another activation', { 'clip.use_gelu': undefined }, 'gguf/unsupported-model'],
    ['another normalisation', { 'clip.vision.image_mean': { f32: 0.5 } }, 'gguf/unsupported-model'],
    ['a missing size', { 'clip.vision.patch_size': undefined }, 'gguf/missing-key'],
    ['an absurd size', { 'clip.vision.block_count': { u32: 2 ** 31 } }, 'gguf/bad-key'],
    ['a size that is no number', { 'clip.vision.image_size': '896' }, 'gguf/bad-key'],
  ])('refuses %s', async (_, changes, code) => {
    await expect(configOf(changes)).rejects.toMatchObject({ code })
  })

  it('refuses a file without a projection', async () => {
    await expect(configOf({}, 'other')).rejects.toMatchObject({ code: 'gguf/missing-tensor' })
    const text = await readGguf(bytesSource(fixtureBytes('tiny-random/tiny-text-q4_0.gguf')))
    expect(() => towerConfigFromGguf(text)).toThrow(/no image encoder/)
  })
})
