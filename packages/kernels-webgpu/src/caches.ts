import { check, checkCacheSpec, PAGE, type CacheSpec, type CacheStore, type CacheType } from '@g3/backend'
import type { Memory } from './memory.js'

/** Numbers of a head in 16 bytes. */
const PER: Readonly<Record<CacheType, number>> = { f32: 4, f16: 8, q8_0: 16 }

/** Widest head; eight scales of q8_0 have 16 bytes. */
export const MAX_HEAD_DIM = 256

/** Heads [first, first + heads) of a layer. */
export interface CacheShard {
  readonly first: number
  readonly heads: number
  readonly keys: GPUBuffer
  readonly values: GPUBuffer
  /** Bytes of a page of these heads, of keys or of values. */
  readonly pageBytes: number
}

export interface GpuCache extends CacheStore {
  readonly layers: readonly (readonly CacheShard[])[]
  readonly form: CacheForm
}

/** What `lib/cache.wgsl` needs to know. */
export interface CacheForm {
  readonly type: CacheType
  readonly headDim: number
  readonly per: number
  /** 16 bytes of a head's numbers. */
  readonly parts: number
  /** 16 bytes of a page of a head. */
  readonly pageParts: number
}

/** @throws G3Error `backend/shape`, `backend/out-of-memory` */
export function makeCache(memory: Memory, spec: CacheSpec, index: number): GpuCache {
  checkCacheSpec(spec)
  const { label, type, layers, pages, kvHeads, headDim } = spec
  const per = PER[type]
  check(
    headDim % Math.max(per, 8) === 0 && headDim <= MAX_HEAD_DIM,
    'backend/shape',
    () =>
      `cache ${label}: heads of ${headDim}; this backend takes multiples of ${Math.max(per, 8)} up to ${MAX_HEAD_DIM}`,
  )
  const parts = headDim / per
  const pageParts = partsOfPage(type, headDim)
  const headBytes = cacheHeadBytes(spec)
  const shardHeads = Math.min(kvHeads, Math.max(1, Math.floor(memory.shardBytes / headBytes)))
  check(
    headBytes <= memory.bindingBytes,
    'backend/out-of-memory',
    () =>
      `cache ${label}: ${pages} pages of a head take ${headBytes} bytes, a binding on this GPU has at most ` +
      `${memory.bindingBytes}; ask for a shorter context, fewer sequences or a smaller type`,
  )
  const shard = (name: string, first: number): CacheShard => {
    const heads = Math.min(shardHeads, kvHeads - first)
    const room = (what: string): GPUBuffer => memory.room(`${label} ${name} ${what}`, heads * headBytes)
    return { first, heads, keys: room('keys'), values: room('values'), pageBytes: heads * pageParts * 16 }
  }
  return {
    spec,
    index,
    pageBytes: cachePageBytes(spec),
    layout: `webgpu ${type} ${layers}x${kvHeads}x${headDim}`,
    form: { type, headDim, per, parts, pageParts },
    layers: Array.from({ length: layers }, (_, layer) =>
      Array.from({ length: Math.ceil(kvHeads / shardHeads) }, (_, n) => shard(`${layer}`, n * shardHeads)),
    ),
  }
}

/** 16 bytes of a page of a head's keys, or of its values. */
const partsOfPage = (type: CacheType, headDim: number): number =>
  PAGE * (headDim / PER[type] + (type === 'q8_0' ? 1 : 0))

/** Bytes of a page, of all layers. */
export const cachePageBytes = ({ type, layers, kvHeads, headDim }: CacheSpec): number =>
  2 * layers * kvHeads * partsOfPage(type, headDim) * 16

/** Bytes of all pages of a head's keys, or of its values: what no buffer has less of. */
export const cacheHeadBytes = ({ type, pages, headDim }: CacheSpec): number => pages * partsOfPage(type, headDim) * 16

/** Where a page lies: for each layer keys, then values, in the order of `readPage`. */
export function pageRanges(cache: GpuCache): readonly { readonly buffer: GPUBuffer; readonly bytes: number }[] {
  return cache.layers.flatMap((shards) =>
    (['keys', 'values'] as const).flatMap((kind) =>
      shards.map((shard) => ({ buffer: shard[kind], bytes: shard.pageBytes })),
    ),
  )
}
