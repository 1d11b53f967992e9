import { PAGE, type Backend, type CacheStore, type Program } from '@g3/backend'
import { slotViews } from './slot-views.js'

/** Reads pages of a cache without what lies behind their first slots. */
export interface PageTrimmer {
  /** {@link Backend.readPage}, with zeros for keys and values of all slots but the first `used`. */
  read(page: number, used: number, into: Uint8Array): Promise<Uint8Array>
}

/** @param cache its last page must be nobody's: copies are trimmed there */
export function pageTrimmer(backend: Backend, cache: CacheStore): PageTrimmer {
  const { layers, kvHeads, headDim, label, pages } = cache.spec
  const spare = pages - 1
  let clear: Program | undefined
  /** One after the other, for there is one spare page. */
  let queue: Promise<unknown> = Promise.resolve()

  const recordClear = (): Program => {
    // A buffer that nothing has written holds zeros.
    const zeros = backend.buffer(`zeros of ${label}`, PAGE, kvHeads * headDim)
    return backend.record(`clear slots of ${label}`, (ops) => {
      for (let layer = 0; layer < layers; layer++) ops.store({ k: zeros, v: zeros, cache, layer })
    })
  }

  const trimmed = (page: number, used: number, into: Uint8Array): Promise<Uint8Array> => {
    clear ??= recordClear()
    const slots = Int32Array.from({ length: PAGE - used }, (_, i) => spare * PAGE + used + i)
    backend.copyPage(cache, page, spare)
    backend.run(clear, { rows: slots.length, views: slotViews(cache, slots) })
    return backend.readPage(cache, spare, into)
  }

  return {
    read(page, used, into) {
      const read = queue.then(() => trimmed(page, used, into))
      queue = read.catch(() => {})
      return read
    },
  }
}
