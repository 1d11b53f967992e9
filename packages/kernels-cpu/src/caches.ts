import { check, checkCacheSpec, checkPage, checkPageBytes, PAGE, type CacheSpec, type CacheStore } from '@g3/backend'
import { CACHE_FORMS, type CacheForm, LINE, roundUp } from './layout.js'
import type { Memories } from './memories.js'
import { OP } from './ops.js'
import type { RecordedOp } from './recorder.js'

/** Keys and values of one layer: pages, each as `assembly/cache` has them. */
export interface LayerPlace {
  readonly memory: number
  readonly keys: number
  readonly values: number
}

export interface CpuCache extends CacheStore {
  readonly form: CacheForm
  /** Of the keys of a page, or its values. */
  readonly partBytes: number
  /**
   * Where a layer lies: in memory `preferred` if it has room when this is first asked.
   * @throws G3Error `backend/out-of-memory`
   */
  place(layer: number, preferred: number): LayerPlace
  /** The ops that copy a page, or clear it: the step brings `from` and as its id the page. */
  copyOps(): readonly RecordedOp[]
  /** @throws G3Error `backend/page` */
  readPage(page: number, into: Uint8Array): void
  /** @throws G3Error `backend/page` */
  writePage(page: number, bytes: Uint8Array): void
}

/** Bytes of the keys of a page in one layer, or of its values. */
export const partBytesOf = ({ type, kvHeads, headDim }: CacheSpec): number => PAGE * kvHeads * CACHE_FORMS[type].vectorBytes(headDim)

/** @throws G3Error `backend/shape`, `backend/out-of-memory` */
export const makeCache = (memories: Memories, spec: CacheSpec, index: number): CpuCache => {
  checkCacheSpec(spec)
  const { layers, pages, kvHeads, headDim, type } = spec
  check(headDim % 8 === 0, 'backend/shape', () => `cache ${spec.label}: heads of ${headDim}: these kernels take multiples of 8`)
  const form = CACHE_FORMS[type]
  const partBytes = partBytesOf(spec)
  const layerBytes = 2 * roundUp(pages * partBytes, LINE)
  memories.checkSize(layerBytes)
  const places: LayerPlace[] = []
  const place = (layer: number, preferred: number): LayerPlace => {
    const allocate = (): LayerPlace => {
      const memory = memories.forCache(preferred, layerBytes)
      const keys = memories.at(memory).allocate(layerBytes)
      return { memory, keys, values: keys + layerBytes / 2 }
    }
    return (places[layer] ??= allocate())
  }
  /** The parts of a page, in the order of its bytes: keys and values of each layer. */
  const parts = (page: number): readonly Uint8Array<ArrayBufferLike>[] =>
    Array.from({ length: layers }, (_, layer) => {
      const { memory, keys, values } = place(layer, 0)
      return [keys, values].map((base) => memories.at(memory).u8(base + page * partBytes, partBytes))
    }).flat()

  const self: CpuCache = {
    spec,
    index,
    pageBytes: 2 * layers * partBytes,
    layout: `cpu ${form.name} ${layers}x${kvHeads}x${headDim}`,
    form,
    partBytes,
    place,
    copyOps: () =>
      Array.from({ length: layers }, (_, layer) => {
        const { memory, keys, values } = place(layer, 0)
        return { code: OP.copyPage, memory, words: [keys, values, partBytes], reads: [], window: undefined, writes: [] }
      }),
    readPage(page, into) {
      checkPage(self, page)
      checkPageBytes(self, into)
      for (const [i, part] of parts(page).entries()) into.set(part, i * partBytes)
    },
    writePage(page, bytes) {
      checkPage(self, page)
      checkPageBytes(self, bytes)
      for (const [i, part] of parts(page).entries()) part.set(bytes.subarray(i * partBytes, (i + 1) * partBytes))
    },
  }
  return self
}
