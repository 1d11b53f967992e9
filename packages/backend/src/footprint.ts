import type { Buffer, CacheSpec, PackedTensor } from './contract.js'

/** What a model asks of a backend, in numbers: before there is a backend, and before any weight is read. */
export interface Workload {
  readonly tensors: readonly Pick<PackedTensor, 'type' | 'rows' | 'cols'>[]
  /** As far as they are written. */
  readonly buffers: readonly Pick<Buffer, 'rows' | 'cols'>[]
  /** With the pages that are in use. */
  readonly caches: readonly CacheSpec[]
  /** Rows of the largest step of texts. */
  readonly rows: number
  /** An image encoder's attention, in which every row sees every other. */
  readonly attendAll?: { readonly rows: number; readonly heads: number; readonly headDim: number }
}

/** The bytes that a backend takes for it. */
export interface Footprint {
  /** Of the tensors, in the backend's own layout. */
  readonly weightsBytes: number
  /** Of the caches' pages. */
  readonly cacheBytes: number
  /** Of the buffers, and of all else: tables, threads, what weights pass through while they load. */
  readonly scratchBytes: number
}
