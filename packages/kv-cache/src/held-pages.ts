import type { Pages } from './pages.js'
import type { PageCopy } from './placement.js'
import { PAGE, pageAt, pagesOf } from './sizes.js'

/** One cache as its sequences see it. */
export interface Cache {
  /** Its number. */
  readonly index: number
  readonly pages: Pages
  /** Positions that a row sees, itself included; `undefined`: all up to its own. */
  readonly window: number | undefined
  /** Positions that stay behind the window, so that a text can go back. */
  readonly slack: number
}

/** The pages that one sequence holds of one cache. */
export interface HeldPages {
  readonly cache: Cache
  /** [pages of the context] the page of each part of the text; those from `first` up to the text's end are held. */
  readonly table: Int32Array
  /** Entry of the first page that is held. */
  first: number
  /** Lowest position that rows may see: what lay before has been dropped. */
  floor: number
}

export const noPages = (cache: Cache, context: number): HeldPages => ({
  cache,
  table: new Int32Array(pagesOf(context)),
  first: 0,
  floor: 0,
})

/** Lowest position that the row at `position` sees. */
export const seenFrom = ({ cache: { window }, floor }: HeldPages, position: number): number =>
  window === undefined ? floor : Math.max(floor, position - window + 1)

/** The first entry that is still needed when the next row is at `length`. */
export const firstNeeded = (held: HeldPages, length: number): number =>
  Math.max(held.first, pageAt(Math.max(0, seenFrom(held, length) - held.cache.slack)))

/** The page that the next row goes into, if another text holds it too: it must be copied first. */
const isShared = ({ cache: { pages }, table }: HeldPages, length: number): boolean =>
  length % PAGE !== 0 && pages.holders(table[pageAt(length)]) > 1

/** Pages that `count` more rows take, less those that are freed for them. */
export function pagesWanted(held: HeldPages, length: number, count: number): number {
  const added = pagesOf(length + count) - pagesOf(length)
  if (added === 0) return isShared(held, length) ? 1 : 0
  let freed = 0
  for (let entry = held.first, end = firstNeeded(held, length); entry < end; entry++) {
    if (held.cache.pages.holders(held.table[entry]) === 1) freed++
  }
  return added + (isShared(held, length) ? 1 : 0) - freed
}

/** Makes the pages of `count` rows from `length` on this text's own. There must be enough, see {@link pagesWanted}. */
export function prepare(held: HeldPages, length: number, count: number, copies: PageCopy[]): void {
  const { cache, table } = held
  const end = pagesOf(length + count)
  if (end > pagesOf(length)) releaseBefore(held, firstNeeded(held, length))
  if (isShared(held, length)) makeOwn(held, pageAt(length), copies)
  for (let entry = pagesOf(length); entry < end; entry++) {
    const page = cache.pages.take()
    // What another text left must not come into a snapshot of this one.
    if (cache.pages.wasUsed(page)) copies.push({ cache: cache.index, from: undefined, to: page })
    table[entry] = page
  }
}

/** Gives the text a copy of a page of its own. */
export function makeOwn({ cache, table }: HeldPages, entry: number, copies: PageCopy[]): void {
  const page = cache.pages.take()
  copies.push({ cache: cache.index, from: table[entry], to: page })
  cache.pages.release(table[entry])
  table[entry] = page
}

export function releaseBefore(held: HeldPages, first: number): void {
  for (; held.first < first; held.first++) held.cache.pages.release(held.table[held.first])
}

/** Frees what lies behind a text that now ends at `to`, of `length` positions before. */
export function releaseAfter({ cache, table, first }: HeldPages, to: number, length: number): void {
  for (let entry = Math.max(first, pagesOf(to)); entry < pagesOf(length); entry++) cache.pages.release(table[entry])
}

/** The same pages for another text: those that it still needs at this length. */
export function share(held: HeldPages, length: number): HeldPages {
  const { cache, table, floor } = held
  const first = firstNeeded(held, length)
  for (let entry = first; entry < pagesOf(length); entry++) cache.pages.hold(table[entry])
  return { cache, table: table.slice(), first, floor }
}
