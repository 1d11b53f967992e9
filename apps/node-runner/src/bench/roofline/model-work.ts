import { expectedTensors, type Gemma3Config } from '@g3/runtime'
import type { Precision } from '../../options.js'

/** Of a key or value in the cache of the CPU kernels: 16-bit integers and a scale in f32, or f32. */
const vectorBytes = (headDim: number, precision: Precision): number =>
  precision === 'exact' ? 4 * headDim : 2 * headDim + 4

/** Tokens of a run. */
export interface RunLength {
  readonly prompt: number
  readonly generate: number
}

/**
 * Bytes that decoding one token reads, on average over `generate` tokens after a prompt: each weight once, as the file
 * stores it (the embedding is the output matrix), and each key and value that is seen.
 * @param weightBytes of all tensors of the model
 */
export function decodeBytes(
  config: Gemma3Config,
  weightBytes: number,
  { prompt, generate }: RunLength,
  precision: Precision,
): number {
  const { kvHeads, headDim } = config
  return weightBytes + seenBetween(config, prompt, prompt + generate) * 2 * kvHeads * vectorBytes(headDim, precision)
}

/**
 * Multiply-accumulates for a token of a prompt, on average: the layers' matrices, and queries with keys and values. The
 * output matrix is not among them: it is needed once for a prompt.
 */
export function prefillMacs(config: Gemma3Config, prompt: number): number {
  const { heads, headDim } = config
  return layerWeights(config) + seenBetween(config, 0, prompt) * 2 * heads * headDim
}

/** Weights of all layers' matrices. */
function layerWeights(config: Gemma3Config): number {
  let sum = 0
  for (const [name, [columns, rows = 1]] of expectedTensors(config)) {
    if (name.startsWith('blk.') && rows > 1) sum += columns * rows
  }
  return sum
}

/** Positions that a token sees in all layers together, on average over the tokens at positions [start, end). */
function seenBetween({ layers, pattern, window = Infinity }: Gemma3Config, start: number, end: number): number {
  const globalLayers = Math.floor(layers / pattern)
  let sum = 0
  for (let position = start; position < end; position++) {
    sum += globalLayers * (position + 1) + (layers - globalLayers) * Math.min(position + 1, window)
  }
  return sum / (end - start)
}
