import { PAGE, type Backend, type CacheStore } from '@g3/backend'
import { decodeSnapshot, encodeSnapshot, type Pool, type Sequence } from '@g3/kv-cache'
import { replaceText, type Lane } from './lane.js'
import { pageTrimmer } from './page-trimmer.js'

/** Texts as bytes, which name the weights and the adapters that made them. */
export interface Snapshots {
  /** See {@link TextSequence.save}. */
  save(lane: Lane): AsyncIterable<Uint8Array>
  /** See {@link TextSequence.restore}. */
  restore(lane: Lane, bytes: AsyncIterable<Uint8Array>): Promise<void>
}

export interface SnapshotParts {
  readonly backend: Backend
  /** In the order of the pool's; each has a page more than its pool counts. */
  readonly caches: readonly CacheStore[]
  readonly pool: Pool
  /** Names the weights. */
  readonly model: string
  /** Names the image encoder's; undefined for a model that sees no images. */
  readonly encoder: string | undefined
}

export function snapshots({ backend, caches, pool, model, encoder }: SnapshotParts): Snapshots {
  const nameOf = (adapters: string): string => (adapters === '' ? model : `${model} + ${adapters}`)
  /** A text with images means the same beside one encoder only; others have the model's name alone. */
  const seeingNameOf = (adapters: string): string | undefined =>
    encoder === undefined ? undefined : `${nameOf(adapters)} with the image encoder ${encoder}`
  const trimmers = caches.map((cache) => pageTrimmer(backend, cache))

  async function* save({ positions, tokens, dropped, kept, madeWith }: Lane): AsyncGenerator<Uint8Array, void, void> {
    // What a shift has dropped is in no cache.
    const keys = tokens.view().filter((_, i) => i < kept || i >= kept + dropped)
    const ends = caches.map((_, cache) => lastPage(positions, cache))
    const used = positions.length % PAGE
    yield* encodeSnapshot(positions, {
      model: (keys.some((id) => id < 0) ? seeingNameOf(madeWith) : undefined) ?? nameOf(madeWith),
      caches,
      keys,
      // Behind the text's end may lie what a text had there that shared the page.
      readPage: (cache, page, into) =>
        used > 0 && page === ends[cache]
          ? trimmers[cache].read(page, used, into)
          : backend.readPage(caches[cache], page, into),
    })
  }

  return {
    save,
    async restore(lane, bytes) {
      const seeing = seeingNameOf(lane.adapters.name)
      const { sequence, keys } = await decodeSnapshot(bytes, {
        model: nameOf(lane.adapters.name),
        ...(seeing !== undefined && { alsoModel: seeing }),
        caches,
        pool,
        writePage: (cache, page, content) => backend.writePage(caches[cache], page, content),
      })
      replaceText(lane, sequence, keys)
    },
  }
}

const lastPage = (positions: Sequence, cache: number): number | undefined => positions.pagesIn(cache).at(-1)
