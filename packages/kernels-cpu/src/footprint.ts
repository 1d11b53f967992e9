import { type Footprint, PAGE, type Workload } from '@g3/backend'
import { strideOf } from './buffers.js'
import { partBytesOf } from './caches.js'
import { CACHE_FORMS, roundUp, scratchBytes } from './layout.js'
import { FREE_OF_MATRICES } from './memories.js'
import { MOST_BYTES } from './memory.js'
import { partialBytes } from './scratch.js'
import { threadCount } from './threads.js'
import { matrixBytes, STAGING_BYTES } from './weights.js'

/** A worker with its JavaScript engine and its instances of the kernels: measured in Node 24. */
const WORKER_BYTES = 11 * 2 ** 20
/** What starting the first worker brings into memory of Node's own program, likewise. */
const WORKERS_BYTES = 8 * 2 ** 20

/**
 * The bytes of memory that {@link cpu} comes to use for a workload, without using any: sums over what it allocates, by the
 * functions that it allocates with, and what workers take. Left out is what stays below a hundredth of a small model's.
 * @throws G3Error `cpu/options`
 */
export function cpuFootprint(workload: Workload, options: { readonly threads?: number | undefined } = {}): Footprint {
  const { tensors, buffers, caches, rows, attendAll } = workload
  const threads = threadCount(options.threads)
  const weightsBytes = sum(tensors, (tensor) => (tensor.rows === 1 ? 4 * tensor.cols : matrixBytes(tensor.type, tensor.rows, tensor.cols)))
  const cacheBytes = sum(caches, (spec) => spec.pages * 2 * spec.layers * partBytesOf(spec))
  // RoPE's angles: a table for each kind of layer.
  const angles = sum(caches, ({ headDim }) => rows * strideOf(headDim))
  const widest = Math.max(...tensors.map(({ cols }) => cols))
  const inEachMemory =
    sum(buffers, (buffer) => buffer.rows * strideOf(buffer.cols)) +
    angles +
    (attendAll ? packedBytes(attendAll) : 0) +
    threads * scratchBytes(widest) +
    Math.max(0, ...caches.map((spec) => partialBytes(spec, threads))) +
    STAGING_BYTES
  const memories = Math.ceil((weightsBytes + cacheBytes) / (MOST_BYTES * (1 - FREE_OF_MATRICES)))
  const workers = threads > 1 ? WORKERS_BYTES + threads * WORKER_BYTES : 0
  return { weightsBytes, cacheBytes, scratchBytes: memories * inEachMemory + workers }
}

/** Keys and values of an image's rows as attention packs them: two sets, which layers use by turns. */
const packedBytes = ({ rows, heads, headDim }: NonNullable<Workload['attendAll']>): number =>
  2 * 2 * Math.ceil(rows / PAGE) * PAGE * heads * CACHE_FORMS.f16.vectorBytes(roundUp(headDim, 8))

const sum = <T>(items: readonly T[], bytes: (item: T) => number): number => items.reduce((total, item) => total + bytes(item), 0)
