import { check } from '@g3/backend'

/** Names within a layer: GGUF's, and those of transformers' `Gemma3Model`. */
const IN_LAYER: Readonly<Record<string, string>> = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  attn_output: 'self_attn.o_proj',
  post_attention_norm: 'post_attention_layernorm',
  ffn_norm: 'pre_feedforward_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
  post_ffw_norm: 'post_feedforward_layernorm',
}

const OUTSIDE: Readonly<Record<string, string>> = { token_embd: 'embed_tokens', output_norm: 'norm' }

/** Where the text model sits: alone, in published models that see, in transformers 5's memory. */
const PREFIXES = ['model.', 'language_model.model.', 'model.language_model.'] as const

/** What all names of the text model's tensors begin with. @throws G3Error `safetensors/no-text-model` */
export function textPrefix(names: { has(name: string): boolean }): string {
  const [prefix, other] = PREFIXES.filter((start) => names.has(`${start}embed_tokens.weight`))
  check(prefix !== undefined && other === undefined, 'safetensors/no-text-model', () =>
    prefix === undefined
      ? `the checkpoint has no tensor ${PREFIXES[0]}embed_tokens.weight: it holds no Gemma 3 text model`
      : `the checkpoint holds two text models (${prefix} and ${other}): it is not clear which one is meant`,
  )
  return prefix
}

/** The name in a checkpoint, after its prefix, of the tensor that GGUF calls `name`. */
export function checkpointName(name: string): string {
  const [, layer, part = ''] = /^(?:blk\.(\d+)\.)?(\w+)\.weight$/.exec(name) ?? []
  const known = layer === undefined ? OUTSIDE[part] : IN_LAYER[part]
  check(known !== undefined, 'safetensors/no-name', () => `${name} is no tensor of a Gemma 3 text model`)
  return layer === undefined ? `${known}.weight` : `layers.${layer}.${known}.weight`
}
