import type { Workload } from '@g3/backend'
import type { Gemma3Config } from '../config.js'
import { cacheSpec, layerKinds } from './place-layers.js'
import type { Size } from './size.js'
import { workColumns } from './work.js'

/**
 * What a model asks of a backend while all its texts are full.
 * @param buffers beside those of a step
 */
export function workloadOf(
  config: Gemma3Config,
  tensors: Workload['tensors'],
  size: Size,
  buffers: Workload['buffers'] = [],
): Workload {
  const { maxRows, sequences } = size
  const rows = Math.max(maxRows, sequences)
  return {
    tensors,
    buffers: [
      ...Object.values(workColumns(config)).map((cols) => ({ rows, cols })),
      // Of the rows that logits have room for, those of the sequences are written.
      { rows: sequences, cols: config.vocab },
      ...buffers,
    ],
    caches: layerKinds(config).map((kind) => cacheSpec(kind, config, size)),
    rows,
  }
}
