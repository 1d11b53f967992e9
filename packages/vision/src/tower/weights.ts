import { check, dequantize, rowBytes, type Backend, type PackedTensor, type Weight } from '@g3/backend'
import { gridOf, type TowerConfig } from './config.js'

/** A matrix [outputs, inputs] and a bias [1, outputs]; of a norm both are vectors. */
export interface Affine {
  readonly weight: Weight
  readonly bias: Weight
}

export interface TowerLayer {
  readonly attentionNorm: Affine
  readonly q: Affine
  readonly k: Affine
  readonly v: Affine
  readonly attentionOut: Affine
  readonly ffnNorm: Affine
  readonly up: Affine
  readonly down: Affine
}

export interface TowerWeights {
  readonly patches: Affine
  /** [patches, width] */
  readonly positions: Weight
  readonly layers: readonly TowerLayer[]
  readonly outputNorm: Affine
  readonly softNorm: Weight
  /** [outWidth, width] */
  readonly projection: Weight
}

/**
 * Loads the tensors of an mmproj GGUF, by the names that llama.cpp's converter gives them.
 * @param tensors a tensor by its name; throws for a name it lacks
 * @throws G3Error `vision/tensor-shape`, what `tensors` and the backend throw; the signal's reason
 */
export async function loadTowerWeights(
  backend: Backend,
  tensors: (name: string) => PackedTensor,
  config: TowerConfig,
  signal?: AbortSignal,
): Promise<TowerWeights> {
  const { width, ffn, patchSide, outWidth } = config
  const load = async (name: string, rows: number, cols: number): Promise<Weight> => {
    signal?.throwIfAborted()
    return backend.load(shaped(tensors(name), rows, cols), signal)
  }
  const affine = async (name: string, rows: number, cols: number): Promise<Affine> => ({
    weight: await load(`${name}.weight`, rows, cols),
    bias: await load(`${name}.bias`, 1, rows === 1 ? cols : rows),
  })
  // Old converters called the first matrix of the MLP `ffn_down`.
  const swapped = ffn !== width && tensors('v.blk.0.ffn_down.weight').cols === width
  const [up, down] = swapped ? ['ffn_down', 'ffn_up'] : ['ffn_up', 'ffn_down']
  const layers: TowerLayer[] = []
  for (let n = 0; n < config.layers; n++) {
    const block = `v.blk.${n}`
    layers.push({
      attentionNorm: await affine(`${block}.ln1`, 1, width),
      q: await affine(`${block}.attn_q`, width, width),
      k: await affine(`${block}.attn_k`, width, width),
      v: await affine(`${block}.attn_v`, width, width),
      attentionOut: await affine(`${block}.attn_out`, width, width),
      ffnNorm: await affine(`${block}.ln2`, 1, width),
      up: await affine(`${block}.${up}`, ffn, width),
      down: await affine(`${block}.${down}`, width, ffn),
    })
  }
  return {
    patches: await affine('v.patch_embd', width, 3 * patchSide * patchSide),
    positions: await load('v.position_embd.weight', gridOf(config) ** 2, width),
    layers,
    outputNorm: await affine('v.post_ln', 1, width),
    softNorm: await load('mm.soft_emb_norm.weight', 1, width),
    // The file has it the other way round: inputs by outputs.
    projection: await backend.load(
      await transposed(shaped(tensors('mm.input_projection.weight'), width, outWidth), signal),
      signal,
    ),
  }
}

/** A tensor as rows of `cols`: a convolution's kernel has more dimensions in the file. Blocks may not cross rows. */
function shaped(tensor: PackedTensor, rows: number, cols: number): PackedTensor {
  const isWhole = tensor.cols === cols || tensor.type === 'F32' || tensor.type === 'F16' || tensor.type === 'BF16'
  check(
    tensor.rows * tensor.cols === rows * cols && isWhole,
    'vision/tensor-shape',
    () => `${tensor.name} has ${tensor.rows} x ${tensor.cols} weights, the encoder's sizes make ${rows} x ${cols}`,
  )
  return { name: tensor.name, type: tensor.type, rows, cols, read: (...args) => tensor.read(...args) }
}

/** A small matrix with rows and columns exchanged, in f32. */
async function transposed(tensor: PackedTensor, signal?: AbortSignal): Promise<PackedTensor> {
  const { name, type, rows, cols } = tensor
  const packed = new Uint8Array(rowBytes(type, rows * cols))
  await tensor.read(0, packed, signal)
  const values = new Float32Array(rows * cols)
  dequantize(type, packed, values)
  const turned = new Float32Array(values.length)
  for (let row = 0; row < rows; row++) {
    for (let col = 0; col < cols; col++) turned[col * rows + row] = values[row * cols + col]
  }
  const bytes = new Uint8Array(turned.buffer)
  return {
    name,
    type: 'F32',
    rows: cols,
    cols: rows,
    async read(offset, into) {
      into.set(bytes.subarray(offset, offset + into.byteLength))
    },
  }
}
