import { check, type PackedTensor } from '@g3/backend'
import { towerTensors, type TowerConfig } from '@g3/vision'
import { recoded } from '../packing/recoded.js'
import { fieldsOf, type Fields } from '../fields.js'
import type { CheckpointTensor } from './header.js'
import { isObject, type JsonObject } from './json.js'
import { storedTensor } from './stored.js'
import { visionName, visionPrefixes } from './vision-names.js'

/** The image encoder of a checkpoint: sizes, and tensors under the names of an mmproj GGUF. */
export interface CheckpointVision {
  readonly config: TowerConfig
  readonly tensors: ReadonlyMap<string, PackedTensor>
}

const MOST = 2 ** 20
const SOFT_NORM = 'mm.soft_emb_norm.weight'

/**
 * The image encoder, with GGUF's values: matrices as they are stored, vectors in f32, the projector's norm with the 1 added
 * that checkpoints leave out. SigLIP's own norms are whole there.
 *
 * Source: transformers, `modeling_siglip.py` and `Gemma3MultiModalProjector` of `modeling_gemma3.py`.
 * @returns undefined for a checkpoint without one
 * @throws G3Error `safetensors/missing-tensor`, `safetensors/tensor-shape`, `safetensors/unsupported-dtype`,
 * `safetensors/two-encoders`, and as {@link towerConfigFromJson}
 */
export function visionPart(
  json: JsonObject,
  stored: ReadonlyMap<string, CheckpointTensor>,
  outWidth: number,
): CheckpointVision | undefined {
  const prefixes = visionPrefixes(stored)
  if (prefixes === undefined) return undefined
  const config = towerConfigFromJson(json, outWidth)
  const missing: string[] = []
  const tensors = new Map<string, PackedTensor>()
  for (const { name, rows, cols } of towerTensors(config)) {
    const wanted = visionName(prefixes, name)
    const tensor = stored.get(wanted)
    if (!tensor) missing.push(wanted)
    else if (rows > 1) tensors.set(name, storedTensor(tensor, name, rows, cols))
    else tensors.set(name, recoded(storedTensor(tensor, name, rows, cols), 'F32', name === SOFT_NORM ? addOne : plain))
  }
  check(
    missing.length === 0,
    'safetensors/missing-tensor',
    () =>
      `the checkpoint lacks ${missing.length} tensors of its image encoder, ${missing.slice(0, 4).join(', ')}…: get a complete one`,
  )
  return { config, tensors }
}

/**
 * The encoder's sizes in a checkpoint's config.json. What is left out has the defaults of transformers'
 * `SiglipVisionConfig`.
 * @param outWidth the text model's width
 * @throws G3Error `safetensors/missing-key` for a config.json without `vision_config`, `safetensors/bad-key`,
 * `safetensors/unsupported-model`
 */
export function towerConfigFromJson(json: JsonObject, outWidth: number, name = 'config.json'): TowerConfig {
  const { vision_config: vision } = json
  check(
    isObject(vision),
    'safetensors/missing-key',
    `${name} has no vision_config, and the checkpoint has an image encoder: get its own config.json`,
  )
  const fieldsIn = (part: JsonObject): Fields =>
    fieldsOf({ area: 'safetensors', name, get: (key) => (Object.hasOwn(part, key) ? part[key] : undefined) })
  const fields = fieldsIn(vision)
  const size = (key: string, fallback: number, most = MOST): number => fields.whole(key, { least: 1, most }, fallback)
  const activation = fields.text('hidden_act') ?? 'gelu_pytorch_tanh'
  fields.only(activation === 'gelu_pytorch_tanh', () => `the activation ${activation} in its image encoder`)
  const type = fields.text('model_type') ?? 'siglip_vision_model'
  fields.only(type === 'siglip_vision_model', () => `an image encoder of type ${type.slice(0, 40)}`)
  fields.only(size('num_channels', 3) === 3, () => 'images of other than 3 channels')
  const imageSide = size('image_size', 224, 1 << 14)
  const patchSide = size('patch_size', 16, 1024)
  const tokens = fieldsIn(json).whole('mm_tokens_per_image', { least: 1, most: MOST }, 256)
  const poolSide = imageSide / patchSide / Math.sqrt(tokens)
  fields.only(Number.isInteger(poolSide), () => `${tokens} tokens an image, which its patches are no multiple of`)
  return {
    imageSide,
    patchSide,
    width: size('hidden_size', 768),
    ffn: size('intermediate_size', 3072),
    layers: size('num_hidden_layers', 12, 1024),
    heads: size('num_attention_heads', 12, 1024),
    eps: fields.real('layer_norm_eps', { least: 1e-12, most: 0.1 }, 1e-6),
    poolSide,
    outWidth,
  }
}

function writeFloats(values: Float32Array, packed: Uint8Array, add: number): void {
  const out = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  for (let i = 0; i < values.length; i++) out.setFloat32(4 * i, add + values[i], true)
}
const plain = (values: Float32Array, packed: Uint8Array): void => writeFloats(values, packed, 0)
const addOne = (values: Float32Array, packed: Uint8Array): void => writeFloats(values, packed, 1)
