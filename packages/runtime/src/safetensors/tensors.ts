import { check, type PackedTensor } from '@g3/backend'
import { expectedTensors, type Gemma3Config } from '../config.js'
import { recoded } from '../packing/recoded.js'
import type { CheckpointTensor } from './header.js'
import { checkpointName, textPrefix } from './names.js'
import { storedTensor } from './stored.js'

/**
 * The text model's tensors under GGUF's names, with GGUF's values: matrices as they are stored, norm weights in f32 with
 * the 1 added that checkpoints leave out.
 * @throws G3Error `safetensors/no-text-model`, `safetensors/missing-tensor`, `safetensors/tensor-shape`,
 * `safetensors/unsupported-dtype`
 */
export function textTensors(
  stored: ReadonlyMap<string, CheckpointTensor>,
  config: Gemma3Config,
): ReadonlyMap<string, PackedTensor> {
  const prefix = textPrefix(stored)
  const tensors = new Map<string, PackedTensor>()
  const missing: string[] = []
  for (const [name, extents] of expectedTensors(config)) {
    const tensor = stored.get(prefix + checkpointName(name))
    if (tensor) tensors.set(name, packedTensor(tensor, name, extents))
    else missing.push(prefix + checkpointName(name))
  }
  check(
    missing.length === 0,
    'safetensors/missing-tensor',
    () =>
      `the checkpoint lacks ${missing.length} tensors of its model, ${missing.slice(0, 4).join(', ')}…: get a complete one`,
  )
  return tensors
}

/** @param extents as GGUF orders them: the columns first; a vector has no second */
function packedTensor(stored: CheckpointTensor, name: string, extents: readonly number[]): PackedTensor {
  const [cols = 0, rows = 1] = extents
  const tensor = storedTensor(stored, name, rows, cols)
  // Of a text model, vectors are norm weights and nothing else.
  return extents.length === 1 ? recoded(tensor, 'F32', addOne) : tensor
}

function addOne(values: Float32Array, packed: Uint8Array): void {
  const out = new DataView(packed.buffer, packed.byteOffset, packed.byteLength)
  for (let i = 0; i < values.length; i++) out.setFloat32(4 * i, 1 + values[i], true)
}
