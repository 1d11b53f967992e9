import { readFileSync } from 'node:fs'
import { reference, rowBytes, type PackedTensor } from '@g3/backend'
import { loadTower, normalise, towerTensors } from '@g3/vision'
import { describe, expect, it } from 'vitest'
import { bytesSource, readGguf, tensorNamed } from '../gguf/index.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { writeSafetensors, type TensorToStore } from './writer.js'
import { memoryFolder, tinyFiles } from '../testing/tiny-checkpoint.js'
import { largestDifference, tinyView } from '../testing/tiny-random.js'
import { openCheckpoint, type Checkpoint } from './checkpoint.js'
import { readSafetensors } from './header.js'
import { towerConfigFromJson, type CheckpointVision } from './vision.js'

const SIZES = { imageSide: 112, patchSide: 14, width: 48, ffn: 80, layers: 3, heads: 4, poolSide: 4, outWidth: 64 }
const SOFT = 4 * 64

async function bytesOf(tensor: PackedTensor): Promise<Uint8Array> {
  const bytes = new Uint8Array(tensor.rows * rowBytes(tensor.type, tensor.cols))
  await tensor.read(0, bytes)
  return bytes
}

const visionOf = ({ vision }: Checkpoint): CheckpointVision => vision ?? expect.fail('no encoder')
const tensorOf = ({ tensors }: CheckpointVision, name: string): PackedTensor =>
  tensors.get(name) ?? expect.fail(`no ${name}`)

/** The tiny model's checkpoint with other tensors, or other names for them. */
async function changed(edit: (tensor: TensorToStore) => TensorToStore | undefined): Promise<Checkpoint> {
  const bytes = fixtureBytes('tiny-random/model.safetensors')
  const { tensors } = await readSafetensors(bytesSource(bytes))
  const kept = [...tensors.values()].flatMap(({ name, dtype, shape, offset, byteLength }) => {
    return edit({ name, dtype, shape, bytes: bytes.subarray(offset, offset + byteLength) }) ?? []
  })
  return openCheckpoint(memoryFolder({ ...tinyFiles(), 'model.safetensors': writeSafetensors(kept) }).files)
}

const isEye = (name: string): boolean => name.startsWith('vision_tower.') || name.startsWith('multi_modal_projector.')

describe("a checkpoint's image encoder", () => {
  it("gives transformers' soft tokens", async () => {
    const vision = visionOf(await openCheckpoint(memoryFolder(tinyFiles()).files))
    expect(vision.config).toEqual({ ...SIZES, eps: 1e-6 })
    await using backend = reference()
    const tower = await loadTower(backend, (name) => tensorOf(vision, name), vision.config)
    const golden = new URL('../../../vision/fixtures/tiny-random/vision.soft_tokens.bin', import.meta.url)
    const want = new Float32Array(Uint8Array.from(readFileSync(golden)).buffer)
    for (const image of [0, 1]) {
      const found = await tower.encode(normalise(tinyView(image)))
      expect(largestDifference(found, want.subarray(image * SOFT, (image + 1) * SOFT))).toBeLessThan(1e-4)
    }
  })

  it('has the vectors of its GGUF conversion, bit for bit: 1 is added to the norm of the projector alone', async () => {
    const vision = visionOf(await openCheckpoint(memoryFolder(tinyFiles()).files))
    const gguf = await readGguf(bytesSource(fixtureBytes('tiny-random/tiny-mmproj-f16.gguf')))
    let equal = 0
    for (const { name, rows } of towerTensors(vision.config)) {
      const [tensor, converted] = [tensorOf(vision, name), tensorNamed(gguf, name)]
      if (rows > 1) continue
      expect(tensor.type).toBe('F32')
      expect(await bytesOf(tensor), name).toEqual(await bytesOf(converted))
      equal++
    }
    expect(equal).toBe(3 * 10 + 4)
  })

  it.each([
    ['published ones', 'vision_tower.vision_model.', 'multi_modal_projector.'],
    ["transformers 4.5x's", 'model.vision_tower.vision_model.', 'model.multi_modal_projector.'],
    ["transformers 5's in memory", 'model.vision_tower.', 'model.multi_modal_projector.'],
  ])('is found under the names of %s', async (_, tower, projector) => {
    const rename = (name: string): string =>
      name.replace(/^vision_tower\./, tower).replace(/^multi_modal_projector\./, projector)
    const vision = visionOf(await changed((tensor) => ({ ...tensor, name: rename(tensor.name) })))
    const plain = visionOf(await openCheckpoint(memoryFolder(tinyFiles()).files))
    expect(vision.tensors.size).toBe(plain.tensors.size)
    for (const [name, tensor] of vision.tensors)
      expect(await bytesOf(tensor)).toEqual(await bytesOf(tensorOf(plain, name)))
  })

  it('is none where the checkpoint is of text alone', async () => {
    expect((await changed((tensor) => (isEye(tensor.name) ? undefined : tensor))).vision).toBeUndefined()
  })

  it.each<[what: string, code: string, edit: (tensor: TensorToStore) => TensorToStore | undefined]>([
    [
      'a layer less',
      'safetensors/missing-tensor',
      (tensor) => (tensor.name.includes('encoder.layers.2.') ? undefined : tensor),
    ],
    [
      'a matrix on its side',
      'safetensors/tensor-shape',
      (tensor) => (tensor.name.endsWith('layers.1.mlp.fc1.weight') ? { ...tensor, shape: [48, 80] } : tensor),
    ],
  ])('is refused with %s', async (_, code, edit) => {
    await expect(changed(edit)).rejects.toMatchObject({ code })
  })
})

describe('towerConfigFromJson', () => {
  it("has transformers' defaults where a config.json of the hub is silent", () => {
    const vision_config = {
      hidden_size: 1152,
      image_size: 896,
      intermediate_size: 4304,
      model_type: 'siglip_vision_model',
      num_attention_heads: 16,
      num_hidden_layers: 27,
      patch_size: 14,
      vision_use_head: false,
    }
    expect(towerConfigFromJson({ vision_config, mm_tokens_per_image: 256 }, 2560)).toEqual({
      imageSide: 896,
      patchSide: 14,
      width: 1152,
      ffn: 4304,
      layers: 27,
      heads: 16,
      eps: 1e-6,
      poolSide: 4,
      outWidth: 2560,
    })
  })

  it.each([
    [{}, 'safetensors/missing-key'],
    [{ vision_config: { hidden_act: 'gelu' } }, 'safetensors/unsupported-model'],
    [{ vision_config: { model_type: 'clip_vision_model' } }, 'safetensors/unsupported-model'],
    [{ vision_config: { num_channels: 1 } }, 'safetensors/unsupported-model'],
    [{ vision_config: { image_size: 896, patch_size: 14 }, mm_tokens_per_image: 200 }, 'safetensors/unsupported-model'],
    [{ vision_config: { image_size: 'wide' } }, 'safetensors/bad-key'],
  ])('refuses %j', (json, code) => {
    expect(() => towerConfigFromJson(json, 64)).toThrow(expect.objectContaining({ code }))
  })
})
