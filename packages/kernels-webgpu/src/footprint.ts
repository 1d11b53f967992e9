import type { Footprint, Workload } from '@g3/backend'
import { strideOf } from './buffers.js'
import { cacheHeadBytes, cachePageBytes } from './caches.js'
import { AHEAD_BYTES, weightBytes } from './weights/load.js'

/**
 * The bytes of memory that {@link webgpu} comes to use for a workload, without using any: sums over what it allocates, by the
 * functions that it allocates with. Left out is what stays below a hundredth of a small model's: parameters, steps, what pages
 * of attention give.
 */
export function webgpuFootprint({ tensors, buffers, caches }: Workload): Footprint {
  // `top` ranks logits that nobody reads: room like that of a buffer of logits, as wide as the matrix with the most rows is long.
  const outputs = Math.max(...tensors.map(({ rows }) => rows))
  const logits = buffers.filter(({ cols }) => cols === outputs).map(bytesOf)
  return {
    weightsBytes: sum(tensors, weightBytes),
    cacheBytes: sum(caches, (spec) => spec.pages * cachePageBytes(spec)),
    scratchBytes: sum(buffers, bytesOf) + Math.max(0, ...logits) + AHEAD_BYTES,
  }
}

/** The bytes of the largest buffer that a workload needs in one piece: weights and heads of caches lie in as many as it takes. */
export const largestBinding = ({ buffers, caches }: Workload): number =>
  Math.max(...buffers.map(bytesOf), ...caches.map(cacheHeadBytes))

const bytesOf = ({ rows, cols }: Workload['buffers'][number]): number => 4 * rows * strideOf(cols)

const sum = <T>(items: readonly T[], bytes: (item: T) => number): number =>
  items.reduce((total, item) => total + bytes(item), 0)
