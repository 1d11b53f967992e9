import { describe, expect, it } from 'vitest'
import { GEMMA3_12B, GEMMA3_1B, GEMMA3_270M, GEMMA3_27B, GEMMA3_4B, type Gemma3Config } from '../config.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { configFromJson } from './config.js'
import { isObject, parseJson, type JsonObject } from './json.js'

const file = (name: string): JsonObject => parseJson(fixtureBytes(`tiny-random/${name}`), name, 16)
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
  rmsEps: 1e-6,
  rope: { global: { base: 1e6, scaling: 8 }, local: { base: 1e4, scaling: 1 } },
  attentionScale: 32 ** -0.5,
}

describe('configFromJson', () => {
  it("reads transformers 5's spelling, the hub's, and a text model's", () => {
    expect(configFromJson(file('config.json'))).toEqual(tiny)
    expect(configFromJson(file('config.hub-style.json'))).toEqual(tiny)
    const k = { ...tiny, layers: 2, width: 256, ffn: 256, headDim: 64, pattern: 2, attentionScale: 1 / 8 }
    expect(configFromJson(file('tinyk.config.json'))).toEqual(k)
  })

  // What the hub's files say of each size; the rest is transformers' defaults.
  it.each<[string, Gemma3Config, JsonObject]>([
    [
      '270M',
      GEMMA3_270M,
      {
        hidden_size: 640,
        intermediate_size: 2048,
        num_hidden_layers: 18,
        num_attention_heads: 4,
        num_key_value_heads: 1,
        sliding_window: 512,
        max_position_embeddings: 32_768,
        vocab_size: 262_144,
      },
    ],
    [
      '1B',
      GEMMA3_1B,
      {
        hidden_size: 1152,
        intermediate_size: 6912,
        num_hidden_layers: 26,
        num_attention_heads: 4,
        num_key_value_heads: 1,
        sliding_window: 512,
        max_position_embeddings: 32_768,
        vocab_size: 262_144,
        rope_scaling: null,
      },
    ],
    [
      '4B',
      GEMMA3_4B,
      {
        hidden_size: 2560,
        intermediate_size: 10_240,
        num_hidden_layers: 34,
        rope_scaling: { factor: 8, rope_type: 'linear' },
        sliding_window: 1024,
      },
    ],
    [
      '12B',
      GEMMA3_12B,
      {
        hidden_size: 3840,
        intermediate_size: 15_360,
        num_hidden_layers: 48,
        num_attention_heads: 16,
        num_key_value_heads: 8,
        rope_scaling: { factor: 8, type: 'linear' },
        sliding_window: 1024,
      },
    ],
    [
      '27B',
      GEMMA3_27B,
      {
        head_dim: 128,
        hidden_size: 5376,
        intermediate_size: 21_504,
        num_hidden_layers: 62,
        num_attention_heads: 32,
        num_key_value_heads: 16,
        query_pre_attn_scalar: 168,
        rope_scaling: { factor: 8, rope_type: 'linear' },
        sliding_window: 1024,
      },
    ],
  ])('%s from what the hub says of it', (_, config, json) => {
    expect(configFromJson({ ...json, model_type: 'gemma3_text' })).toEqual(config)
    expect(configFromJson({ model_type: 'gemma3', text_config: { ...json, model_type: 'gemma3_text' } })).toEqual(
      config,
    )
  })

  const { text_config: text } = file('config.json')
  const { text_config: hubText } = file('config.hub-style.json')
  const of = (changes: JsonObject, from = text): Gemma3Config =>
    configFromJson({ ...(isObject(from) ? from : {}), ...changes, model_type: 'gemma3_text' })

  it('without a window, or with global layers only, sees everything everywhere', () => {
    const open = { window: undefined, pattern: 1 }
    expect(of({ sliding_window: null })).toMatchObject(open)
    expect(of({ layer_types: Array.from({ length: 7 }, () => 'full_attention') })).toMatchObject(open)
    expect(of({ sliding_window_pattern: 1 }, hubText)).toMatchObject(open)
  })

  it('with local layers only has no global one', () => {
    expect(of({ layer_types: Array.from({ length: 7 }, () => 'sliding_attention') })).toMatchObject({
      window: 16,
      pattern: 8,
    })
  })

  it('keeps a final soft-cap, and bases of its own', () => {
    expect(of({ final_logit_softcapping: 30 }).finalSoftcap).toBe(30)
    const { rope } = of({ rope_theta: 5e5, rope_local_base_freq: 2e4, rope_scaling: { rope_type: 'default' } }, hubText)
    expect(rope).toEqual({ global: { base: 5e5, scaling: 1 }, local: { base: 2e4, scaling: 1 } })
    expect(of({ rope_parameters: { full_attention: { rope_theta: 7e5 } } }).rope).toEqual({
      global: { base: 7e5, scaling: 1 },
      local: { base: 1e4, scaling: 1 },
    })
  })

  it.each<[string, string, JsonObject, RegExp?]>([
    ['no layer count', 'missing-key', { num_hidden_layers: undefined }],
    ['a layer count of null', 'missing-key', { num_hidden_layers: null }],
    ['no layers', 'bad-key', { num_hidden_layers: 0 }],
    ['a million layers', 'bad-key', { num_hidden_layers: 1e6 }],
    ['a layer count in words', 'bad-key', { num_hidden_layers: '7' }],
    ['half a layer', 'bad-key', { num_hidden_layers: 6.5 }],
    ['a width in an array', 'bad-key', { hidden_size: [64] }, /an array/],
    ['an epsilon of 0', 'bad-key', { rms_norm_eps: 0 }],
    ['a window of 0', 'bad-key', { sliding_window: 0 }],
    ['heads that do not group', 'unsupported-model', { num_key_value_heads: 3 }],
    ['odd heads', 'unsupported-model', { head_dim: 31 }],
    ['another activation', 'unsupported-model', { hidden_activation: 'silu' }, /the activation silu/],
    ['an activation in numbers', 'bad-key', { hidden_activation: 1 }],
    ['biases', 'unsupported-model', { attention_bias: true }],
    ['attention in both directions', 'unsupported-model', { use_bidirectional_attention: true }],
    ['an output matrix', 'unsupported-model', { tie_word_embeddings: false }],
    ['a soft-cap in attention', 'unsupported-model', { attn_logit_softcapping: 50 }],
    ['too few layer types', 'unsupported-model', { layer_types: ['full_attention'] }],
    [
      'an unknown layer type',
      'unsupported-model',
      { layer_types: Array.from({ length: 7 }, () => 'chunked_attention') },
    ],
    [
      'irregular layers',
      'unsupported-model',
      { layer_types: ['sliding_attention', ...Array.from({ length: 5 }, () => 'full_attention'), 'sliding_attention'] },
    ],
    ['YaRN', 'unsupported-model', { rope_parameters: { full_attention: { rope_type: 'yarn', factor: 8 } } }],
    ['one RoPE for all', 'unsupported-model', { rope_parameters: { rope_type: 'default', rope_theta: 1e6 } }],
    ['a factor without a kind', 'unsupported-model', { rope_parameters: null, rope_scaling: { factor: 8 } }],
    ['linear without a factor', 'missing-key', { rope_parameters: null, rope_scaling: { rope_type: 'linear' } }],
    ['a base of 0', 'bad-key', { rope_parameters: null, rope_theta: 0 }],
  ])('refuses %s', (_, problem, changes, message = /./) => {
    expect(() => of(changes)).toThrow(
      expect.objectContaining({ code: `safetensors/${problem}`, message: expect.stringMatching(message) }),
    )
  })

  it.each<[JsonObject, RegExp]>([
    [{}, /model_type is missing/],
    [{ model_type: 'llama' }, /"llama"/],
    [{ model_type: 'gemma3' }, /"gemma3"/],
    [{ model_type: 'gemma3', text_config: [] }, /"gemma3"/],
    [{ model_type: 7 }, /no model/],
  ])('refuses %o', (json, message) => {
    expect(() => configFromJson(json)).toThrow(
      expect.objectContaining({ code: 'safetensors/architecture', message: expect.stringMatching(message) }),
    )
  })

  it('does not take keys from the prototype', () => {
    const json = parseJson(
      new TextEncoder().encode('{"model_type":"gemma3_text","__proto__":{"hidden_size":64}}'),
      'x',
      4,
    )
    expect(() => configFromJson(json)).toThrow(expect.objectContaining({ code: 'safetensors/missing-key' }))
  })
})
