import { GEMMA3_12B, GEMMA3_1B, GEMMA3_270M, GEMMA3_27B, GEMMA3_4B } from '../../packages/runtime/dist/index.js'

export const SIZES = { '270m': GEMMA3_270M, '1b': GEMMA3_1B, '4b': GEMMA3_4B, '12b': GEMMA3_12B, '27b': GEMMA3_27B }

/**
 * The keys of a Gemma 3 text model, as llama.cpp's converter writes them: no key for what its `gemma3` takes as given
 * (the pattern of global layers, the local RoPE base, the query scale).
 *
 * @param {import('../../packages/runtime/dist/index.js').Gemma3Config} config
 * @param {{ name: string, fileType: number }} about
 * @returns {Record<string, import('../../packages/runtime/dist/gguf/index.js').GgufField>}
 */
export function modelMetadata(config, { name, fileType }) {
  const { scaling } = config.rope.global
  return {
    'general.architecture': 'gemma3',
    'general.type': 'model',
    'general.name': name,
    'general.description': 'Random weights of true dimensions, for measuring. Not a language model.',
    'general.file_type': { u32: fileType },
    'general.quantization_version': { u32: 2 },
    'gemma3.context_length': { u32: config.context },
    'gemma3.embedding_length': { u32: config.width },
    'gemma3.block_count': { u32: config.layers },
    'gemma3.feed_forward_length': { u32: config.ffn },
    'gemma3.attention.head_count': { u32: config.heads },
    'gemma3.attention.head_count_kv': { u32: config.kvHeads },
    'gemma3.attention.key_length': { u32: config.headDim },
    'gemma3.attention.value_length': { u32: config.headDim },
    'gemma3.attention.layer_norm_rms_epsilon': { f32: config.rmsEps },
    'gemma3.attention.sliding_window': { u32: config.window },
    'gemma3.rope.freq_base': { f32: config.rope.global.base },
    ...(scaling === 1 ? {} : { 'gemma3.rope.scaling.type': 'linear', 'gemma3.rope.scaling.factor': { f32: scaling } }),
  }
}
