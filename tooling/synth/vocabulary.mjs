import { open } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileSource, isPackedStrings, readGguf } from '../../packages/runtime/dist/gguf.js'

/** Name of the vocabulary that needs no file. */
export const SYNTHETIC = 'synthetic'

/** Pieces that every Gemma 3 has; the 64 rows that larger embeddings have besides are an image's place and padding. */
const PIECES = 262_144

const TYPE = { normal: 1, unknown: 2, control: 3, user: 4, unused: 5, byte: 6 }

/**
 * The tokenizer's keys for an embedding of `rows` rows: all pieces and more, or the first of them.
 *
 * @param {string | undefined} from a GGUF file, {@link SYNTHETIC}, or undefined for the cached 270M
 * @param {number} rows
 * @returns {Promise<Record<string, import('../../packages/runtime/dist/gguf/index.js').GgufField>>}
 */
export async function vocabularyMetadata(from, rows) {
  const { tokens, scores, types } = from === SYNTHETIC ? synthetic() : await copied(from ?? cachedModel())
  for (let id = tokens.length; id < rows; id++) {
    tokens.push(id === PIECES ? '<image_soft_token>' : `[PAD${id}]`)
    scores.push(-1000)
    types.push(id === PIECES ? TYPE.control : TYPE.unused)
  }
  const kept = [tokens, scores, types].map((list) => list.slice(0, rows))
  return {
    'tokenizer.ggml.model': 'llama',
    'tokenizer.ggml.pre': 'default',
    'tokenizer.ggml.tokens': kept[0],
    'tokenizer.ggml.scores': Float32Array.from(kept[1]),
    'tokenizer.ggml.token_type': Int32Array.from(kept[2]),
    'tokenizer.ggml.bos_token_id': { u32: 2 },
    'tokenizer.ggml.eos_token_id': { u32: 1 },
    'tokenizer.ggml.unknown_token_id': { u32: 3 },
    'tokenizer.ggml.padding_token_id': { u32: 0 },
    'tokenizer.ggml.add_bos_token': true,
    'tokenizer.ggml.add_sep_token': false,
    'tokenizer.ggml.add_eos_token': false,
    'tokenizer.ggml.add_space_prefix': false,
  }
}

/** Where `g3 pull gemma-3-270m` puts it. */
function cachedModel() {
  const cache = process.env.G3_CACHE ?? join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'g3')
  return join(cache, 'models', 'gemma-3-270m', 'gemma-3-270m-q4_k_m.gguf')
}

async function copied(path) {
  const handle = await open(path).catch((cause) => {
    throw new Error(
      `the vocabulary of ${path} cannot be read (${cause.code}); run \`npm run g3 -- pull gemma-3-270m\`, ` +
        `or give --vocabulary FILE or --vocabulary ${SYNTHETIC}`,
      { cause },
    )
  })
  await using _ = handle
  const { metadata } = await readGguf(await fileSource(handle, path))
  const [tokens, scores, types] = ['tokens', 'scores', 'token_type'].map((key) => metadata.get(`tokenizer.ggml.${key}`))
  if (!isPackedStrings(tokens) || !(scores instanceof Float32Array) || !(types instanceof Int32Array)) {
    throw new Error(`${path} has no vocabulary of the SentencePiece kind`)
  }
  const { bytes, starts, lengths } = tokens
  if (lengths.length !== PIECES) throw new Error(`${path} has ${lengths.length} pieces, Gemma 3 has ${PIECES}`)
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  return {
    tokens: Array.from(starts, (start, i) => decoder.decode(bytes.subarray(start, start + lengths[i]))),
    scores: Array.from(scores),
    types: Array.from(types),
  }
}

/**
 * Gemma 3's ids for what matters (markers, bytes), single ASCII characters and the space mark, and made-up words for
 * the rest.
 */
function synthetic() {
  const named = new Map([
    [0, ['<pad>', TYPE.control]],
    [1, ['<eos>', TYPE.control]],
    [2, ['<bos>', TYPE.control]],
    [3, ['<unk>', TYPE.unknown]],
    [105, ['<start_of_turn>', TYPE.control]],
    [106, ['<end_of_turn>', TYPE.control]],
    [107, ['\n', TYPE.user]],
    [255_999, ['<start_of_image>', TYPE.user]],
    [256_000, ['<end_of_image>', TYPE.user]],
  ])
  for (let byte = 0; byte < 256; byte++) {
    named.set(238 + byte, [`<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`, TYPE.byte])
  }
  for (let code = 33; code < 127; code++) named.set(494 + code, [String.fromCharCode(code), TYPE.normal])
  named.set(494, ['\u2581', TYPE.normal])
  const pieces = Array.from({ length: PIECES }, (_, id) => named.get(id) ?? [`\u2581w${id}`, TYPE.normal])
  return {
    tokens: pieces.map(([text]) => text),
    scores: pieces.map(([, type], id) => (type === TYPE.normal ? 494 - id : -1000)),
    types: pieces.map(([, type]) => type),
  }
}
