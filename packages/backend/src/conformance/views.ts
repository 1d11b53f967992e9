import { PAGE, type CacheStore, type CacheView } from '../contract.js'

/** Rows of one text: where each is stored, and the positions that it sees. */
export interface TextRows {
  /** Pages of the text, from position 0 on. */
  readonly table: readonly number[]
  /** [rows] */
  readonly positions: ArrayLike<number>
  /** [rows] from and to (exclusive) */
  readonly spans: readonly (readonly [number, number])[]
}

export function viewOf({ table, positions, spans }: TextRows): CacheView {
  const slots = Array.from(positions, (p) => table[Math.floor(p / PAGE)] * PAGE + (p % PAGE))
  return {
    slots: Int32Array.from(slots),
    spans: Int32Array.from(spans.flat()),
    tables: new Int32Array(spans.length),
    pages: Int32Array.from(table),
    entries: table.length,
  }
}

/** Rows that are stored and see nothing but themselves. */
export const ownViews = (table: readonly number[], positions: ArrayLike<number>): CacheView =>
  viewOf({ table, positions, spans: Array.from(positions, (p) => [p, p + 1] as const) })

/** Views by cache index. */
export function viewsFor(entries: readonly (readonly [CacheStore, CacheView])[]): CacheView[] {
  const views: CacheView[] = []
  for (const [cache, view] of entries) views[cache.index] = view
  return views
}

export const pagesFor = (positions: number): number => Math.ceil(positions / PAGE)

/** 0, 1, … */
export const inOrder = (count: number): number[] => Array.from({ length: count }, (_, i) => i)
