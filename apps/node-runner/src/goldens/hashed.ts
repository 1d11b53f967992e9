import type { PackedTensor } from '@g3/backend'

/**
 * [count] in [-1, 1) as `tooling/vision/true-width.py` makes them: a hash of a name (FNV-1a) and of each place (lowbias32 of
 * Chris Wellons).
 */
export function uniform(name: string, count: number): Float64Array {
  let seed = 0x811c9dc5
  for (let i = 0; i < name.length; i++) seed = Math.imul(seed ^ name.charCodeAt(i), 0x01000193)
  const values = new Float64Array(count)
  for (let i = 0; i < count; i++) {
    let x = Math.imul(i, 0x9e3779b1) ^ seed
    x = Math.imul(x ^ (x >>> 16), 0x7feb352d)
    x = Math.imul(x ^ (x >>> 15), 0x846ca68b)
    values[i] = ((x ^ (x >>> 16)) >>> 0) / 2 ** 31 - 1
  }
  return values
}

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

/** The name that the script hashes. */
function hashedName(name: string): string {
  if (name === 'mm.soft_emb_norm.weight') return 'multi_modal_projector.mm_soft_emb_norm.weight'
  if (name === 'mm.input_projection.weight') return 'multi_modal_projector.mm_input_projection_weight'
  const [, layer, part = '', kind] = /^(?:v\.blk\.(\d+)\.(?=\w+\.))?([\w.]+)\.(weight|bias)$/.exec(name) ?? []
  const known = layer === undefined ? `${OUTSIDE[part]}` : `encoder.layers.${layer}.${IN_LAYER[part]}`
  return `vision_tower.vision_model.${known}.${kind}`
}

/** A tensor of the script's encoder, in f32: an mmproj's values, so the projector's norm with its 1. */
export function hashedTensor(name: string, rows: number, cols: number): PackedTensor {
  const scale = (values: Float64Array): Float64Array => {
    if (name === 'mm.soft_emb_norm.weight') return values.map((value) => 1 + Math.fround(value * 0.1))
    if (/ln\d?\.weight$|post_ln\.weight$/.test(name)) return values.map((value) => 1 + value * 0.1)
    if (name.endsWith('.bias')) return values.map((value) => value * 0.1)
    if (name.startsWith('v.position')) return values.map((value) => value * 0.5)
    const inputs = name.startsWith('mm.') ? rows : cols
    return values.map((value) => value * (3 / inputs) ** 0.5)
  }
  const bytes = new Uint8Array(Float32Array.from(scale(uniform(hashedName(name), rows * cols))).buffer)
  return {
    name,
    type: 'F32',
    rows,
    cols,
    read: async (offset, into) => into.set(bytes.subarray(offset, offset + into.byteLength)),
  }
}
