import { open, rename, rm } from 'node:fs/promises'
import { STORED_BLOCKS } from '../../packages/backend/dist/index.js'
import { ggufHeader } from '../../packages/runtime/dist/gguf.js'
import { expectedTensors } from '../../packages/runtime/dist/index.js'
import { FILLS } from './blocks.mjs'
import { modelMetadata, SIZES } from './metadata.mjs'
import { words } from './random.mjs'
import { RECIPES, typeOf } from './recipes.mjs'
import { vocabularyMetadata } from './vocabulary.mjs'

/**
 * @typedef {object} Request
 * @property {keyof typeof SIZES} size
 * @property {keyof typeof RECIPES} type
 * @property {string} out path of the file
 * @property {keyof typeof import('./recipes.mjs').EMBEDDINGS} [embedding]
 * @property {number} layers
 * @property {number} [rows] rows of the embedding, by default the size's
 * @property {string} [vocabulary]
 * @property {number} seed
 */

/** Bytes made and written at a time. */
const CHUNK_BYTES = 8 << 20

/**
 * The model's dimensions and tensors, without data.
 *
 * @param {Request} request
 */
export function planModel(request) {
  const full = SIZES[request.size]
  const config = { ...full, layers: request.layers, vocab: request.rows ?? full.vocab }
  const tensors = [...expectedTensors(config)].map(([name, shape]) => place(name, shape, request))
  return { config, tensors }
}

function place(name, shape, request) {
  const type = typeOf(name, shape, request)
  const { blockWeights, blockBytes } = STORED_BLOCKS[type]
  const weights = shape.reduce((product, extent) => product * extent, 1)
  return { name, shape, type, byteLength: (weights / blockWeights) * blockBytes }
}

/**
 * Writes a model: matrices normal with deviation 1 / sqrt(columns), norm weights as {@link normWeight} has them, so
 * that activations keep their size through any number of layers. The file appears under its name when it is whole.
 *
 * @param {Request} request
 * @returns {Promise<{ bytes: number, tensors: number, types: string }>}
 */
export async function writeModel(request) {
  const { size, type, out, seed } = request
  const { config, tensors } = planModel(request)
  const { bytes: header, offsets } = ggufHeader({
    metadata: {
      ...modelMetadata(config, { name: `Gemma 3 ${size} random`, fileType: RECIPES[type].fileType }),
      ...(await vocabularyMetadata(request.vocabulary, config.vocab)),
    },
    tensors: tensors.map((tensor) => ({ ...tensor, type: STORED_BLOCKS[tensor.type].id })),
  })

  const partial = `${out}.partial`
  const file = await open(partial, 'w')
  try {
    await writeAll(file, header, 0)
    for (const [i, tensor] of tensors.entries()) await writeTensor(file, offsets[i], tensor, config, seed)
    const { size: bytes } = await file.stat()
    await file.close()
    await rename(partial, out)
    return { bytes, tensors: tensors.length, types: [...new Set(tensors.map((tensor) => tensor.type))].join(', ') }
  } catch (error) {
    await file.close()
    await rm(partial, { force: true })
    throw error
  }
}

async function writeTensor(file, offset, { name, shape, type, byteLength }, config, seed) {
  const next = words(seed, name)
  if (shape.length === 1) {
    const weights = new Float32Array(shape[0])
    FILLS.F32(0.1)(new Uint8Array(weights.buffer), next)
    const middle = normWeight(name, config)
    await writeAll(file, new Uint8Array(weights.map((deviation) => middle * (1 + deviation)).buffer), offset)
    return
  }
  const fill = FILLS[type](1 / Math.sqrt(shape[0]))
  const { blockBytes } = STORED_BLOCKS[type]
  const chunk = new Uint8Array(Math.min(byteLength, Math.floor(CHUNK_BYTES / blockBytes) * blockBytes))
  for (let done = 0; done < byteLength; done += chunk.byteLength) {
    const part = chunk.subarray(0, byteLength - done)
    fill(part, next)
    await writeAll(file, part, offset + done)
  }
}

/**
 * About 1, with two exceptions. What the layers add outweighs the embedding (by d / 4 in variance, from 2 · layers
 * additions), or each token would predict itself. And the last norm spreads the logits, to 16 or so, as a model's are.
 */
function normWeight(name, { width, layers }) {
  if (name === 'output_norm.weight') return 4
  return name.includes('.post_') ? Math.sqrt(width / (8 * layers)) : 1
}

/** A write may take less than it is given. */
async function writeAll(file, bytes, at) {
  for (let done = 0; done < bytes.byteLength;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.byteLength - done, at + done)
    done += bytesWritten
  }
}
