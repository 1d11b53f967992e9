import type { Workload } from '@g3/backend'
import type { Gemma3Config } from '../config.js'
import { cacheSpec, layerKinds } from './place-layers.js'
import type { Size } from './size.js'
import { workColumns } from './work.js'

/**
 * What a model asks of a backend while all its texts are full.
 * @param more what is there beside: an image encoder, further buffers
 */
export function workloadOf(
  config: Gemma3Config,
  tensors: Workload['tensors'],
  size: Size,
  more: Partial<Pick<Workload, 'tensors' | 'buffers' | 'attendAll'>> = {},
): Workload {
  const { maxRows, sequences } = size
  const rows = Math.max(maxRows, sequences)
  return {
    tensors: [...tensors, ...(more.tensors ?? [])],
    buffers: [
      ...Object.values(workColumns(config)).map((cols) => ({ rows, cols })),
      // Of the rows that logits have room for, those of the sequences are written.
      { rows: sequences, cols: config.vocab },
      ...(more.buffers ?? []),
    ],
    caches: layerKinds(config).map((kind) => cacheSpec(kind, config, size)),
    rows,
    ...(more.attendAll && { attendAll: more.attendAll }),
  }
}
