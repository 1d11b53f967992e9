import { check, rowBytes, type Backend, type PackedTensor, type Weight } from '@g3/backend'
import { expectedTensors, type Gemma3Config } from '../config.js'

/** The weights of one layer. Norms are vectors; matrices are [outputs, inputs]. */
export interface LayerWeights {
  readonly attentionNorm: Weight
  readonly q: Weight
  readonly k: Weight
  readonly v: Weight
  readonly qNorm: Weight
  readonly kNorm: Weight
  readonly attentionOut: Weight
  readonly postAttentionNorm: Weight
  readonly ffnNorm: Weight
  readonly gate: Weight
  readonly up: Weight
  readonly down: Weight
  readonly postFfnNorm: Weight
}

export interface Gemma3Weights {
  /** [vocab, width], also the output matrix. */
  readonly embedding: Weight
  readonly layers: readonly LayerWeights[]
  readonly outputNorm: Weight
}

export interface LoadProgress {
  readonly signal?: AbortSignal
  /** Packed bytes read so far, of how many. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void
}

/**
 * Loads every tensor of a text model into the backend, one after the other, by the names GGUF gives them.
 * @throws G3Error `model/tensor-shape`, what `tensors` throws for a name it lacks, what the backend throws; the
 * signal's reason
 */
export async function loadWeights(
  backend: Backend,
  tensors: (name: string) => PackedTensor,
  config: Gemma3Config,
  { signal, onProgress }: LoadProgress,
): Promise<Gemma3Weights> {
  const found = [...expectedTensors(config)].map(([name, shape]) => checkShape(tensors(name), shape))
  const total = found.reduce((sum, tensor) => sum + byteCount(tensor), 0)
  let done = 0
  const count = (bytes: number): void => onProgress?.((done += bytes), total)

  const loaded = new Map<string, Weight>()
  for (const tensor of found) {
    signal?.throwIfAborted()
    loaded.set(tensor.name, await backend.load(counted(tensor, count), signal))
  }
  const weight = (name: string): Weight => {
    const held = loaded.get(`${name}.weight`)
    check(
      held !== undefined,
      'model/missing-tensor',
      () => `${name}.weight is not among the tensors of a Gemma 3 text model`,
    )
    return held
  }
  return {
    embedding: weight('token_embd'),
    layers: Array.from({ length: config.layers }, (_, layer) => layerWeights((name) => weight(`blk.${layer}.${name}`))),
    outputNorm: weight('output_norm'),
  }
}

const layerWeights = (weight: (name: string) => Weight): LayerWeights => ({
  attentionNorm: weight('attn_norm'),
  q: weight('attn_q'),
  k: weight('attn_k'),
  v: weight('attn_v'),
  qNorm: weight('attn_q_norm'),
  kNorm: weight('attn_k_norm'),
  attentionOut: weight('attn_output'),
  postAttentionNorm: weight('post_attention_norm'),
  ffnNorm: weight('ffn_norm'),
  gate: weight('ffn_gate'),
  up: weight('ffn_up'),
  down: weight('ffn_down'),
  postFfnNorm: weight('post_ffw_norm'),
})

/** @param shape extents, the columns first; a vector has no second */
function checkShape(tensor: PackedTensor, [cols, rows = 1]: readonly number[]): PackedTensor {
  check(
    tensor.rows === rows && tensor.cols === cols,
    'model/tensor-shape',
    () => `${tensor.name} is ${tensor.rows} x ${tensor.cols}, this model's configuration needs ${rows} x ${cols}`,
  )
  return tensor
}

const byteCount = ({ type, rows, cols }: PackedTensor): number => rows * rowBytes(type, cols)

/** The same tensor, telling how many bytes each read brought. */
const counted = (tensor: PackedTensor, count: (bytes: number) => void): PackedTensor => ({
  name: tensor.name,
  type: tensor.type,
  rows: tensor.rows,
  cols: tensor.cols,
  async read(offset, into, signal) {
    await tensor.read(offset, into, signal)
    count(into.byteLength)
  },
})
