import { check } from '@g3/backend'
import { fieldsOf, type Fields } from './fields.js'
import { placeOf, type Gguf } from './gguf/gguf.js'
import type { GgufValue } from './gguf/values.js'

export interface RopeConfig {
  readonly base: number
  /** Positions are divided by this. */
  readonly scaling: number
}

/** Everything about a Gemma 3 text model that is not a weight. */
export interface Gemma3Config {
  readonly layers: number
  /** Of the residual stream. */
  readonly width: number
  /** Of the feed-forward layer's inside. */
  readonly ffn: number
  readonly heads: number
  readonly kvHeads: number
  /** heads · headDim differs from width. */
  readonly headDim: number
  /** Positions that a local layer sees, its own included; undefined: every layer is global. */
  readonly window: number | undefined
  /** Layer i is global when (i + 1) % pattern is 0; 1 when there is no window. */
  readonly pattern: number
  /** Positions the model was trained for. */
  readonly context: number
  /** Rows of the embedding; ids from 262,144 on are padding or an image's place. */
  readonly vocab: number
  readonly rmsEps: number
  readonly rope: { readonly global: RopeConfig; readonly local: RopeConfig }
  /** 1 / sqrt(query_pre_attn_scalar) */
  readonly attentionScale: number
  /** Logits become cap · tanh(logits / cap). No Gemma 3 of Google's has it. */
  readonly finalSoftcap?: number
}

const SMALL = {
  heads: 4,
  kvHeads: 1,
  headDim: 256,
  window: 512,
  pattern: 6,
  context: 32_768,
  vocab: 262_144,
  rmsEps: 1e-6,
  rope: { global: { base: 1e6, scaling: 1 }, local: { base: 1e4, scaling: 1 } },
  attentionScale: 1 / 16,
} as const

const LARGE = {
  ...SMALL,
  window: 1024,
  context: 131_072,
  vocab: 262_208,
  rope: { global: { base: 1e6, scaling: 8 }, local: { base: 1e4, scaling: 1 } },
} as const

// Source: the models' config.json; parameter counts of the Gemma 3 report (arXiv 2503.19786, table 1) follow from
// these.
export const GEMMA3_270M = { ...SMALL, layers: 18, width: 640, ffn: 2048 } as const satisfies Gemma3Config
export const GEMMA3_1B = { ...SMALL, layers: 26, width: 1152, ffn: 6912 } as const satisfies Gemma3Config
export const GEMMA3_4B = {
  ...LARGE,
  layers: 34,
  width: 2560,
  ffn: 10_240,
  heads: 8,
  kvHeads: 4,
} as const satisfies Gemma3Config
export const GEMMA3_12B = {
  ...LARGE,
  layers: 48,
  width: 3840,
  ffn: 15_360,
  heads: 16,
  kvHeads: 8,
} as const satisfies Gemma3Config
export const GEMMA3_27B = {
  ...LARGE,
  layers: 62,
  width: 5376,
  ffn: 21_504,
  heads: 32,
  kvHeads: 16,
  headDim: 128,
  attentionScale: 168 ** -0.5,
} as const satisfies Gemma3Config

/**
 * The configuration of a GGUF file, checked against the shapes of its tensors (of unsupported types too: those fail
 * when they are loaded). What the file does not say is as in llama.cpp's `gemma3`: local RoPE base 1e4, pattern 6, and
 * a query scale of width / heads for the 62 layers of 27B.
 * @throws G3Error `gguf/architecture`, `gguf/missing-key`, `gguf/bad-key`, `gguf/missing-tensor`, `gguf/tensor-shape`,
 * `gguf/unsupported-model` for a variation that Gemma 3 does not have
 */
export function configFromGguf(gguf: Gguf): Gemma3Config {
  const name = gguf.source.name
  const fields = fieldsOf({ area: 'gguf', name, get: (wanted) => gguf.metadata.get(wanted) })
  const architecture = fields.text('general.architecture')
  check(
    architecture === 'gemma3',
    'gguf/architecture',
    () => `${name} holds ${describeArchitecture(architecture)}; only Gemma 3 text models (gemma3) are supported`,
  )

  const layers = size(fields, 'block_count', 1024)
  const width = size(fields, 'embedding_length')
  const heads = size(fields, 'attention.head_count', 1024)
  const kvHeads = size(fields, 'attention.head_count_kv', 1024, heads)
  const headDim = size(fields, 'attention.key_length', MOST, width / heads)
  const valueDim = size(fields, 'attention.value_length', MOST, width / heads)
  fields.only(headDim === valueDim, () => `keys of ${headDim} and values of ${valueDim} elements`)
  fields.only(!placeOf(gguf, 'output.weight'), () => 'an output matrix of its own (output.weight)')
  checkHeads(fields, { heads, kvHeads, headDim })

  const window = fields.whole(key('attention.sliding_window'), { least: 0, most: 2 ** 24 }, 0) || undefined
  const global = { base: base(fields, 'rope.freq_base', 1e6), scaling: ropeScaling(fields) }
  const finalSoftcap = fields.real(key('final_logit_softcapping'), { least: 0, most: 1e6 }, 0)
  const config: Gemma3Config = {
    layers,
    width,
    ffn: size(fields, 'feed_forward_length'),
    heads,
    kvHeads,
    headDim,
    window,
    pattern: window === undefined ? 1 : readPattern(gguf.metadata.get(key(PATTERN)), layers, fields),
    context: size(fields, 'context_length', 2 ** 24),
    vocab: placeOf(gguf, 'token_embd.weight')?.shape[1] ?? 0,
    rmsEps: fields.real(key('attention.layer_norm_rms_epsilon'), { least: 1e-12, most: 0.1 }),
    rope: { global, local: { base: base(fields, 'rope.freq_base_swa', 1e4), scaling: 1 } },
    attentionScale: (layers === GEMMA3_27B.layers ? width / heads : headDim) ** -0.5,
    ...(finalSoftcap > 0 ? { finalSoftcap } : {}),
  }
  checkShapes(gguf, config)
  return config
}

/** Every tensor of a text model and its extents, the fastest (a row's columns) first. */
export function* expectedTensors(config: Gemma3Config): Generator<readonly [name: string, shape: readonly number[]]> {
  const { width, ffn, headDim } = config
  const q = config.heads * headDim
  const kv = config.kvHeads * headDim
  yield ['token_embd.weight', [width, config.vocab]]
  yield ['output_norm.weight', [width]]
  for (let i = 0; i < config.layers; i++) {
    yield [`blk.${i}.attn_norm.weight`, [width]]
    yield [`blk.${i}.attn_q.weight`, [width, q]]
    yield [`blk.${i}.attn_k.weight`, [width, kv]]
    yield [`blk.${i}.attn_v.weight`, [width, kv]]
    yield [`blk.${i}.attn_q_norm.weight`, [headDim]]
    yield [`blk.${i}.attn_k_norm.weight`, [headDim]]
    yield [`blk.${i}.attn_output.weight`, [q, width]]
    yield [`blk.${i}.post_attention_norm.weight`, [width]]
    yield [`blk.${i}.ffn_norm.weight`, [width]]
    yield [`blk.${i}.ffn_gate.weight`, [width, ffn]]
    yield [`blk.${i}.ffn_up.weight`, [width, ffn]]
    yield [`blk.${i}.ffn_down.weight`, [ffn, width]]
    yield [`blk.${i}.post_ffw_norm.weight`, [width]]
  }
}

const MOST = 2 ** 20
const PATTERN = 'attention.sliding_window_pattern'
const key = (name: string): string => `gemma3.${name}`

const size = (fields: Fields, name: string, most = MOST, fallback?: number): number =>
  fields.whole(key(name), { least: 1, most }, fallback)

const base = (fields: Fields, name: string, fallback: number): number =>
  fields.real(key(name), { least: 1, most: 1e12 }, fallback)

/** Refuses heads that attention cannot group or RoPE cannot rotate. */
export function checkHeads(fields: Fields, shape: Pick<Gemma3Config, 'heads' | 'kvHeads' | 'headDim'>): void {
  const { heads, kvHeads, headDim } = shape
  fields.only(heads % kvHeads === 0, () => `${heads} query heads for ${kvHeads} key heads`)
  fields.only(headDim % 2 === 0, () => `heads of ${headDim} elements, which do not pair up for RoPE`)
}

/** The period of the global layers among all, in order; one more than there are layers when none is global. */
export function globalPeriod(fields: Fields, isGlobal: readonly boolean[]): number {
  const first = isGlobal.indexOf(true)
  const period = first < 0 ? isGlobal.length + 1 : first + 1
  const isRegular = isGlobal.every((global, i) => global === ((i + 1) % period === 0))
  fields.only(isRegular, () => 'global layers at irregular places')
  return period
}

function ropeScaling(fields: Fields): number {
  const type = fields.text(key('rope.scaling.type')) ?? 'linear'
  const factor = fields.real(key('rope.scaling.factor'), { least: 0, most: 1e6 }, 1)
  fields.only(type === 'linear' || type === 'none', () => `RoPE scaling of kind ${type}`)
  return type === 'none' || factor === 0 ? 1 : factor
}

/** The period of global layers, from a number or from one flag a layer (1: local). */
function readPattern(value: GgufValue | undefined, layers: number, fields: Fields): number {
  if (!(value instanceof Uint8Array)) return fields.whole(key(PATTERN), { least: 1, most: 1024 }, 6)
  fields.only(value.length === layers, () => `${layers} layers and ${value.length} flags of local ones`)
  return globalPeriod(
    fields,
    Array.from(value, (local) => local === 0),
  )
}

function checkShapes(gguf: Gguf, config: Gemma3Config): void {
  const missing: string[] = []
  for (const [name, shape] of expectedTensors(config)) {
    const place = placeOf(gguf, name)
    if (!place) missing.push(name)
    else {
      check(
        sameShape(place.shape, shape),
        'gguf/tensor-shape',
        () =>
          `${gguf.source.name}: ${name} is ${place.shape.join(' x ')}, its header's sizes make ${shape.join(' x ')}: the file is damaged`,
      )
    }
  }
  check(
    missing.length === 0,
    'gguf/missing-tensor',
    () =>
      `${gguf.source.name} lacks ${missing.length} tensors of its model, ${missing.slice(0, 4).join(', ')}…: get a complete file`,
  )
}

/** Trailing extents of 1 say nothing. */
const sameShape = (a: readonly number[], b: readonly number[]): boolean =>
  Array.from({ length: Math.max(a.length, b.length) }, (_, i) => (a[i] ?? 1) === (b[i] ?? 1)).every(Boolean)

function describeArchitecture(architecture: string | undefined): string {
  if (architecture === undefined) return 'no model (general.architecture is missing)'
  if (architecture === 'clip') return 'the vision part of a model (clip)'
  return `a model of architecture ${JSON.stringify(architecture.slice(0, 40))}`
}
