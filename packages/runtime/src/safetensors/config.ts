import { check } from '@g3/backend'
import { checkHeads, globalPeriod, type Gemma3Config, type RopeConfig } from '../config.js'
import { fieldsOf, type Fields } from '../fields.js'
import { isObject, type JsonObject } from './json.js'

/**
 * The configuration in a checkpoint's config.json: of a text model, or of the text part of one that sees; with the field
 * names of the hub (`rope_theta`, `rope_scaling`, `sliding_window_pattern`) or those of transformers 5
 * (`rope_parameters`, `layer_types`). What is left out has the defaults of transformers' `Gemma3TextConfig`.
 * @throws G3Error `safetensors/architecture`, `safetensors/missing-key`, `safetensors/bad-key`,
 * `safetensors/unsupported-model` for a variation that Gemma 3 does not have
 */
export function configFromJson(json: JsonObject, name = 'config.json'): Gemma3Config {
  const text = textPart(json, name)
  const fields = fieldsIn(text, name)
  checkVariation(fields)

  const layers = fields.whole('num_hidden_layers', { least: 1, most: 1024 })
  const heads = fields.whole('num_attention_heads', { least: 1, most: 1024 }, 8)
  const kvHeads = fields.whole('num_key_value_heads', { least: 1, most: 1024 }, 4)
  const headDim = size(fields, 'head_dim', 256)
  checkHeads(fields, { heads, kvHeads, headDim })
  const { window, pattern } = readWindow(text, fields, layers)
  const finalSoftcap = fields.real('final_logit_softcapping', { least: 0, most: 1e6 }, 0)
  return {
    layers,
    width: size(fields, 'hidden_size'),
    ffn: size(fields, 'intermediate_size'),
    heads,
    kvHeads,
    headDim,
    window,
    pattern,
    context: fields.whole('max_position_embeddings', { least: 1, most: 2 ** 24 }, 131_072),
    vocab: size(fields, 'vocab_size', 262_208),
    rmsEps: fields.real('rms_norm_eps', { least: 1e-12, most: 0.1 }, 1e-6),
    rope: readRope(text, fields, name),
    attentionScale: fields.real('query_pre_attn_scalar', { least: 1, most: MOST }, 256) ** -0.5,
    ...(finalSoftcap > 0 ? { finalSoftcap } : {}),
  }
}

const MOST = 2 ** 20

const size = (fields: Fields, key: string, fallback?: number): number =>
  fields.whole(key, { least: 1, most: MOST }, fallback)

const fieldsIn = (json: JsonObject, name: string): Fields =>
  fieldsOf({ area: 'safetensors', name, get: (key) => (Object.hasOwn(json, key) ? json[key] : undefined) })

function textPart(json: JsonObject, name: string): JsonObject {
  const { model_type: type, text_config: text } = json
  if (type === 'gemma3_text') return json
  check(
    type === 'gemma3' && isObject(text),
    'safetensors/architecture',
    () => `${name} describes ${describe(type)}; only Gemma 3 models (gemma3, gemma3_text) are supported`,
  )
  return text
}

const describe = (type: unknown): string =>
  typeof type === 'string' ? `a model of type ${JSON.stringify(type.slice(0, 40))}` : 'no model (model_type is missing)'

/** Refuses switches of the architecture that no Gemma 3 text model turns. */
function checkVariation(fields: Fields): void {
  const activation = fields.text('hidden_activation') ?? 'gelu_pytorch_tanh'
  fields.only(activation === 'gelu_pytorch_tanh', () => `the activation ${activation}`)
  fields.only(!fields.flag('attention_bias'), () => 'biases in attention')
  fields.only(!fields.flag('use_bidirectional_attention'), () => 'attention in both directions')
  fields.only(fields.flag('tie_word_embeddings') ?? true, () => 'an output matrix of its own')
  const softcap = fields.real('attn_logit_softcapping', { least: 0, most: 1e6 }, 0)
  fields.only(softcap === 0, () => 'a soft-cap in attention')
}

/** Which layers are local, and how far they see. */
function readWindow(text: JsonObject, fields: Fields, layers: number): Pick<Gemma3Config, 'window' | 'pattern'> {
  const { layer_types: types, sliding_window: width } = text
  const pattern = Array.isArray(types)
    ? globalPeriod(fields, layerKinds(types, fields, layers))
    : fields.whole('sliding_window_pattern', { least: 1, most: 1024 }, 6)
  const window = width === null ? undefined : fields.whole('sliding_window', { least: 1, most: 2 ** 24 }, 4096)
  return window === undefined || pattern === 1 ? { window: undefined, pattern: 1 } : { window, pattern }
}

/** For each layer, whether it is global. */
function layerKinds(types: readonly unknown[], fields: Fields, layers: number): boolean[] {
  fields.only(types.length === layers, () => `${layers} layers and ${types.length} layer_types`)
  return types.map((type) => {
    fields.only(
      type === 'full_attention' || type === 'sliding_attention',
      () => `layers of type ${String(type).slice(0, 40)}`,
    )
    return type === 'full_attention'
  })
}

function readRope(text: JsonObject, fields: Fields, name: string): Gemma3Config['rope'] {
  const { rope_parameters: parameters, rope_scaling: scaling } = text
  if (!isObject(parameters)) {
    return {
      global: {
        base: base(fields, 'rope_theta', 1e6),
        scaling: ropeFactor(fieldsIn(isObject(scaling) ? scaling : {}, name)),
      },
      local: { base: base(fields, 'rope_local_base_freq', 1e4), scaling: 1 },
    }
  }
  const { full_attention: global, sliding_attention: local } = parameters
  const read = (kind: unknown, fallback: number): RopeConfig => {
    const own = fieldsIn(isObject(kind) ? kind : {}, name)
    return { base: base(own, 'rope_theta', fallback), scaling: ropeFactor(own) }
  }
  // One set for all layers, as other models have it, would be wrong for one of the kinds.
  fields.only(isObject(global) || isObject(local), () => 'rope_parameters without full_attention and sliding_attention')
  return { global: read(global, 1e6), local: read(local, 1e4) }
}

const base = (fields: Fields, key: string, fallback: number): number =>
  fields.real(key, { least: 1, most: 1e12 }, fallback)

/** What positions are divided by. The type had another name once. */
function ropeFactor(fields: Fields): number {
  const type = fields.text('rope_type') ?? fields.text('type') ?? 'default'
  const range = { least: 1, most: 1e6 }
  if (type === 'linear') return fields.real('factor', range)
  fields.only(type === 'default', () => `RoPE scaling of kind ${type.slice(0, 40)}`)
  fields.only(fields.real('factor', range, 1) === 1, () => 'a RoPE factor and no kind of scaling')
  return 1
}
