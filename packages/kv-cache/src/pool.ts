import { check, G3Error } from './errors.js'
import type { Cache, HeldPages } from './held-pages.js'
import { pages } from './pages.js'
import { placement, type Placement } from './placement.js'
import { tableEntries } from './room.js'
import { sequence, type Sequence } from './sequence.js'
import { checkSize, PAGE, pagesOf } from './sizes.js'
import { checkState, type SequenceState } from './state.js'

/** The cache of one kind of layer. */
export interface CacheKind {
  /** Positions that a row sees, itself included. Default: all up to its own. */
  readonly window?: number | undefined
  readonly pages: number
  /** Bytes of a page, all layers; needed where the pool has a budget. */
  readonly pageBytes?: number
}

export interface PoolOptions {
  readonly caches: readonly CacheKind[]
  /** Positions that a sequence can have. */
  readonly context: number
  /** Rows of one sequence in the largest step. */
  readonly maxRows: number
  /** Positions by which a sequence can always go back, drafts included. Default {@link PAGE}. */
  readonly slack?: number
  /** Most bytes that pages in use take. */
  readonly budgetBytes?: number | undefined
}

/** Sequences and the pages that they share. */
export interface Pool {
  /** Positions that a sequence can have. */
  readonly context: number
  /**
   * A sequence of no positions, or of those that `from` tells, in fresh pages that its caller fills.
   * @throws G3Error `kv-cache/state` for a state that no sequence here can have, `kv-cache/out-of-pages`
   */
  sequence(from?: SequenceState): Sequence
  /** A step of up to `rows` rows, of up to `sequences` sequences together. */
  placement(rows: number, sequences: number): Placement
  /**
   * Adds something that can free pages. When they run out, it is asked again and again, until there are enough or it
   * has nothing more.
   * @param reclaim gives something up and returns true, or returns false
   */
  reclaimWith(reclaim: () => boolean): void
  usage(): PoolUsage
}

export interface PoolUsage {
  /** Pages in use and in all, for each cache. */
  readonly caches: readonly { readonly used: number; readonly pages: number }[]
  /** Bytes of the pages in use, as far as `pageBytes` are known. */
  readonly bytes: number
}

/** @throws G3Error `kv-cache/size` */
export function pool(options: PoolOptions): Pool {
  const { context, maxRows, slack = PAGE, budgetBytes = Infinity } = options
  checkSize('context', context)
  checkSize('maxRows', maxRows)
  checkSize('slack', slack, 0)
  check(budgetBytes > 0, 'kv-cache/size', () => `budgetBytes is ${budgetBytes}, it must be positive`)
  check(options.caches.length > 0, 'kv-cache/size', () => 'a pool needs at least one cache')
  const caches = options.caches.map(({ window, pages: count }, index): Cache => {
    checkSize('pages', count)
    checkSize('slots of all pages', count * PAGE)
    if (window !== undefined) checkSize('window', window)
    return { index, pages: pages(count), window, slack }
  })
  const pageBytes = options.caches.map((kind) => kind.pageBytes ?? 0)
  for (const bytes of pageBytes) checkSize('pageBytes', bytes, 0)
  const reclaimers: (() => boolean)[] = []

  const usedIn = ({ pages: { count, free } }: Cache): number => count - free
  const bytesWith = (wanted: readonly number[]): number =>
    caches.reduce((sum, cache) => sum + (usedIn(cache) + wanted[cache.index]) * pageBytes[cache.index], 0)
  const none = caches.map(() => 0)

  const fits = (wanted: readonly number[]): boolean =>
    caches.every(({ index, pages: { free } }) => wanted[index] <= free) && bytesWith(wanted) <= budgetBytes

  const parts = {
    caches,
    context,
    maxRows,
    makeRoom(wanted: () => readonly number[]): void {
      while (!fits(wanted())) if (!reclaimers.some((reclaim) => reclaim())) throw outOfPages(wanted())
    },
  }

  const outOfPages = (wanted: readonly number[]): G3Error => {
    const short = caches.filter(({ index, pages: { free } }) => wanted[index] > free)
    const each = short.map(
      ({ index, pages: { free, count } }) => `${wanted[index]} of cache ${index}, ${free} of ${count} are free`,
    )
    const budget = `${bytesWith(wanted)} bytes of pages would be in use, and the budget is ${budgetBytes}`
    return new G3Error(
      'kv-cache/out-of-pages',
      `pages of ${PAGE} positions are needed: ${each.join('; ') || budget}; drop a sequence or make room for more`,
    )
  }

  return {
    context,
    sequence(from) {
      if (from === undefined) return sequence(parts)
      checkState(from, caches, context)
      parts.makeRoom(() => from.caches.map(({ count }) => count))
      const held = caches.map((cache, index): HeldPages => {
        const { first, count, floor } = from.caches[index]
        const table = new Int32Array(pagesOf(context))
        for (let entry = first; entry < first + count; entry++) table[entry] = cache.pages.take()
        return { cache, table, first, floor }
      })
      return sequence(parts, { length: from.length, blocks: from.blocks, wasShifted: from.wasShifted, held })
    },
    placement(rows, sequences) {
      checkSize('sequences', sequences)
      const entries = caches.map(({ window }) => sequences * tableEntries({ window, context, maxRows }))
      return placement(parts, entries, rows)
    },
    reclaimWith(reclaim) {
      reclaimers.push(reclaim)
    },
    usage: () => ({
      caches: caches.map((cache) => ({ used: usedIn(cache), pages: cache.pages.count })),
      bytes: bytesWith(none),
    }),
  }
}
