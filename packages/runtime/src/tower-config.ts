import { check } from '@g3/backend'
import type { TowerConfig } from '@g3/vision'
import { fieldsOf, type Fields } from './fields.js'
import type { Gguf } from './gguf/gguf.js'

const PROJECTION = 'mm.input_projection.weight'

/**
 * The image encoder's sizes out of an mmproj GGUF: SigLIP with Gemma 3's projector, whose width towards the language model is
 * the projection's own.
 * @throws G3Error `gguf/architecture`, `gguf/missing-key`, `gguf/bad-key`, `gguf/missing-tensor`, `gguf/unsupported-model`
 */
export function towerConfigFromGguf(gguf: Gguf): TowerConfig {
  const name = gguf.source.name
  const fields = fieldsOf({ area: 'gguf', name, get: (wanted) => gguf.metadata.get(wanted) })
  check(
    fields.text('general.architecture') === 'clip' && fields.flag('clip.has_vision_encoder') === true,
    'gguf/architecture',
    `${name} holds no image encoder (clip); give the mmproj file that belongs to the model`,
  )
  const projector = fields.text('clip.projector_type') ?? fields.text('clip.vision.projector_type')
  fields.only(projector === 'gemma3', () => `a projector of type ${projector ?? 'unknown'}`)
  fields.only(fields.flag('clip.use_gelu') === true, () => 'another activation than GELU')
  for (const key of ['image_mean', 'image_std']) checkHalves(fields, `clip.vision.${key}`, gguf.metadata)
  const projection = gguf.tensors.get(PROJECTION)
  check(projection !== undefined, 'gguf/missing-tensor', `${name} lacks ${PROJECTION}: get a complete file`)
  return {
    imageSide: size(fields, 'image_size', 1 << 14),
    patchSide: size(fields, 'patch_size', 1024),
    width: size(fields, 'embedding_length'),
    ffn: size(fields, 'feed_forward_length'),
    layers: size(fields, 'block_count', 1024),
    heads: size(fields, 'attention.head_count', 1024),
    eps: fields.real('clip.vision.attention.layer_norm_epsilon', { least: 1e-12, most: 0.1 }),
    poolSide: size(fields, 'projector.scale_factor', 64, 4),
    outWidth: projection.cols,
  }
}

const size = (fields: Fields, name: string, most = 2 ** 20, fallback?: number): number =>
  fields.whole(`clip.vision.${name}`, { least: 1, most }, fallback)

/** Pixels are normalised with mean and deviation 0.5, as all of Gemma 3's are. */
function checkHalves(fields: Fields, key: string, metadata: Gguf['metadata']): void {
  const values = metadata.get(key)
  if (values === undefined) return
  const halves = values instanceof Float32Array && values.length === 3 && values.every((value) => value === 0.5)
  fields.only(halves, () => `other values than 0.5 for ${key}`)
}
