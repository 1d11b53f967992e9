import { STORED_BLOCKS } from '../../packages/backend/dist/index.js'

/** Types that the embedding may have. */
export const EMBEDDINGS = { f16: 'F16', q8_0: 'Q8_0', q6_k: 'Q6_K' }

/**
 * Which type each matrix of a file has, as in published files. `fileType` is llama.cpp's number for the mixture.
 *
 * - q4_0: Google's QAT files. Matrices Q4_0, the embedding F16 (about 1.0 / 3.2 / 8.1 GB for 1B / 4B / 12B); with
 *   `--embedding q6_k` as the smaller files that others made of them.
 * - q4_k_m: llama.cpp's mixture: half of attn_v and ffn_down, and the embedding, are Q6_K.
 * - q8_0: all Q8_0.
 */
export const RECIPES = {
  q4_0: { fileType: 2, embedding: 'f16', matrix: () => 'Q4_0' },
  q4_k_m: {
    fileType: 15,
    embedding: 'q6_k',
    matrix: (name, layer, layers) =>
      (name === 'attn_v' || name === 'ffn_down') && getsMoreBits(layer, layers) ? 'Q6_K' : 'Q4_K',
  },
  q8_0: { fileType: 7, embedding: 'q8_0', matrix: () => 'Q8_0' },
}

/** The first and last eighth of the layers, and every third between (llama.cpp's `use_more_bits`). */
function getsMoreBits(layer, layers) {
  const eighth = Math.floor(layers / 8)
  return layer < eighth || layer >= Math.floor((7 * layers) / 8) || (layer - eighth) % 3 === 2
}

/** What llama.cpp takes instead where rows are no whole blocks: 640 and 1152 are no multiples of 256. */
const NARROW = { Q4_K: 'Q5_0', Q6_K: 'Q8_0' }

/**
 * @param {string} tensor e.g. `blk.3.attn_q.weight`
 * @param {readonly number[]} shape extents, the columns first
 * @param {{ type: keyof typeof RECIPES, embedding?: keyof typeof EMBEDDINGS, layers: number }} request
 * @returns {keyof typeof STORED_BLOCKS}
 */
export function typeOf(tensor, shape, { type, embedding, layers }) {
  if (shape.length === 1) return 'F32'
  const recipe = RECIPES[type]
  const [, layer, name] = tensor.split('.')
  const wanted =
    tensor === 'token_embd.weight'
      ? EMBEDDINGS[embedding ?? recipe.embedding]
      : recipe.matrix(name, Number(layer), layers)
  return shape[0] % STORED_BLOCKS[wanted].blockWeights === 0 ? wanted : NARROW[wanted]
}
