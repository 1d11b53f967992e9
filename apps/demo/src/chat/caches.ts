import type { WorkerModel } from '@g3/runtime/worker'
import { isFull } from '../app/failure.js'
import { chunksOf } from './chunks.js'
import type { Library } from './library.js'

/** The caches of conversations: kept after an answer, so that a reload reads nothing again. */
export interface Caches {
  /** Keeps those of the text that the model wrote last. Left where the next text begins before it is done. */
  keep(id: string, modelId: string, model: WorkerModel): void
  /** Takes up what was kept, once for each model that is loaded. */
  restore(id: string, modelId: string, model: WorkerModel): Promise<void>
  /** Ends what {@link keep} began: the model is free then. */
  settle(): Promise<void>
}

/** After an answer people often go on at once; saving waits for a pause. */
const PAUSE_MS = 1200

export function caches(library: Library, onNotice: (notice: string) => void): Caches {
  const restored = new WeakMap<WorkerModel, Set<string>>()
  let leave = new AbortController()
  let keeping: Promise<void> = Promise.resolve()

  async function* until(signal: AbortSignal, bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const part of bytes) {
      signal.throwIfAborted()
      yield part
    }
  }

  const known = (model: WorkerModel): Set<string> => {
    const ids = restored.get(model) ?? new Set<string>()
    restored.set(model, ids)
    return ids
  }

  return {
    keep(id, modelId, model) {
      leave.abort()
      const { signal } = (leave = new AbortController())
      known(model).add(id)
      const before = keeping
      keeping = (async () => {
        await before
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
        if (signal.aborted) return
        try {
          await library.writeCache(id, { model: modelId }, until(signal, model.save()))
        } catch (error) {
          if (isFull(error)) {
            await library.dropCache(id)
            onNotice('The storage is full: after a reload this conversation is read again before it goes on.')
          }
          // Whatever else it was, the text itself is kept, and is read again where its caches are missing.
        }
      })()
    },
    async restore(id, modelId, model) {
      if (known(model).has(id)) return
      known(model).add(id)
      const file = await library.cache(id, modelId)
      if (file === undefined) return
      try {
        await model.restore(chunksOf(file))
      } catch {
        // Of another version, or cut: the text is read again, which gives the same.
        await library.dropCache(id)
      }
    },
    async settle() {
      leave.abort()
      await keeping
    },
  }
}
