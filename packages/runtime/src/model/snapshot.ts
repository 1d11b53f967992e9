import type { Backend, CacheStore } from '@g3/backend'
import { decodeSnapshot, encodeSnapshot, type Pool } from '@g3/kv-cache'
import { replaceText, type Lane } from './lane.js'

/** Texts as bytes. */
export interface Snapshots {
  /** See {@link TextSequence.save}. */
  save(lane: Lane): AsyncIterable<Uint8Array>
  /** See {@link TextSequence.restore}. */
  restore(lane: Lane, bytes: AsyncIterable<Uint8Array>): Promise<void>
}

export interface SnapshotParts {
  readonly backend: Backend
  /** In the order of the pool's. */
  readonly caches: readonly CacheStore[]
  readonly pool: Pool
  /** Names the weights. */
  readonly model: string
}

export function snapshots({ backend, caches, pool, model }: SnapshotParts): Snapshots {
  return {
    save({ positions, tokens, dropped, kept }) {
      // What a shift has dropped is in no cache.
      const keys = tokens.view().filter((_, i) => i < kept || i >= kept + dropped)
      return encodeSnapshot(positions, {
        model,
        caches,
        keys,
        readPage: (cache, page, into) => backend.readPage(caches[cache], page, into),
      })
    },
    async restore(lane, bytes) {
      const { sequence, keys } = await decodeSnapshot(bytes, {
        model,
        caches,
        pool,
        writePage: (cache, page, content) => backend.writePage(caches[cache], page, content),
      })
      replaceText(lane, sequence, keys)
    },
  }
}
