import { G3Error, reference, type Backend, type CacheStore } from '@g3/backend'

export interface Losable {
  readonly backend: Backend
  /** Takes the hardware away, as soon as the backend was asked for so many reads. */
  loseAfter(reads: number): void
  /** How often it was lost. */
  readonly losses: number
}

/** The reference backend on hardware that can be lost: waits fail, and what caches held is gone when it is back. */
export function losable(): Losable {
  const inner = reference()
  const caches: CacheStore[] = []
  const listeners = new Set<() => void>()
  let left = Infinity
  let losses = 0
  const isLost = (): boolean => left < 0
  const backend: Backend = {
    ...inner,
    cache(spec) {
      const cache = inner.cache(spec)
      caches.push(cache)
      return cache
    },
    run(program, step) {
      if (!isLost()) inner.run(program, step)
    },
    async read(buffer, rows, into) {
      left--
      if (left === -1) losses++
      if (isLost()) throw new G3Error('backend/lost', 'lost by the test')
      return inner.read(buffer, rows, into)
    },
    recovery: {
      async recover() {
        // Others get a turn meanwhile, as they do while a device is opened.
        await new Promise((resolve) => setTimeout(resolve, 1))
        if (!isLost()) return false
        for (const cache of caches) {
          for (let page = 0; page < cache.spec.pages; page++) inner.copyPage(cache, undefined, page)
        }
        left = Infinity
        for (const listener of listeners) listener()
        return true
      },
      onRecovered(listener) {
        listeners.add(listener)
        return () => void listeners.delete(listener)
      },
    },
  }
  return {
    backend,
    loseAfter: (reads) => void (left = reads),
    get losses() {
      return losses
    },
  }
}
