import { check } from '@g3/backend'

/** Names within a layer: an mmproj GGUF's, and those of transformers' `SiglipVisionModel`. */
const IN_LAYER: Readonly<Record<string, string>> = {
  ln1: 'layer_norm1',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_out: 'self_attn.out_proj',
  ln2: 'layer_norm2',
  ffn_up: 'mlp.fc1',
  ffn_down: 'mlp.fc2',
}

const OUTSIDE: Readonly<Record<string, string>> = {
  'v.patch_embd': 'embeddings.patch_embedding',
  'v.position_embd': 'embeddings.position_embedding',
  'v.post_ln': 'post_layernorm',
}

const PROJECTOR: Readonly<Record<string, string>> = {
  'mm.soft_emb_norm.weight': 'mm_soft_emb_norm.weight',
  'mm.input_projection.weight': 'mm_input_projection_weight',
}

/** Where the encoder sits: in published models, in what transformers 4.5x and 5 save. */
const TOWERS = ['vision_tower.vision_model.', 'vision_tower.'] as const
const ROOTS = ['', 'model.'] as const
const FIRST = 'embeddings.patch_embedding.weight'

/** What names of the encoder's and of the projector's tensors begin with. */
export interface VisionPrefixes {
  readonly tower: string
  readonly projector: string
}

/** Where the encoder of a checkpoint sits; undefined for one that holds none. @throws G3Error `safetensors/two-encoders` */
export function visionPrefixes(names: { has(name: string): boolean }): VisionPrefixes | undefined {
  const found = ROOTS.flatMap((root) =>
    TOWERS.map((tower) => ({ tower: root + tower, projector: `${root}multi_modal_projector.` })),
  ).filter(({ tower }) => names.has(tower + FIRST))
  check(
    found.length < 2,
    'safetensors/two-encoders',
    () => `the checkpoint holds two image encoders (${found[0].tower} and ${found[1].tower}): remove one`,
  )
  return found[0]
}

/** The name in a checkpoint of the tensor that an mmproj GGUF calls `name`. @throws G3Error `safetensors/no-name` */
export function visionName({ tower, projector }: VisionPrefixes, name: string): string {
  const ofProjector = PROJECTOR[name]
  if (ofProjector !== undefined) return projector + ofProjector
  const [, layer, part = '', kind] = /^(?:v\.blk\.(\d+)\.(?=\w+\.))?([\w.]+)\.(weight|bias)$/.exec(name) ?? []
  const known = layer === undefined ? OUTSIDE[part] : IN_LAYER[part]
  check(known !== undefined, 'safetensors/no-name', () => `${name} is no tensor of Gemma 3's image encoder`)
  return `${tower}${layer === undefined ? '' : `encoder.layers.${layer}.`}${known}.${kind}`
}
