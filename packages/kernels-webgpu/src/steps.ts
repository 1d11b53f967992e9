import type { CacheView, Step } from '@g3/backend'

/** Offsets of storage bindings that every device takes. */
export const STEP_ALIGN = 256

/** Words of a step of so many rows and table entries, see `wgsl/lib/step.wgsl`. */
export const stepWords = (rows: number, caches: number, entries: number): number =>
  4 + caches + rows * (2 + 4 * caches) + entries

/**
 * Writes a step: rows, from, the places of ids and positions and of each cache's view, then these.
 * @param caches for each cache, whether the program uses it; the views of others have place 0
 * @returns words written
 */
export function writeStep(step: Step, caches: readonly boolean[], into: Int32Array, at: number): number {
  const { rows, from = 0, ids, positions, views } = step
  let next = 4 + caches.length
  /** A loop: a subarray for each token would be garbage. */
  const copy = (values: Int32Array, count: number): void => {
    for (let i = 0; i < count; i++) into[at + next + i] = values[i]
    next += count
  }
  into[at] = rows
  into[at + 1] = from
  into[at + 2] = next
  if (ids !== undefined) copy(ids, rows)
  into[at + 3] = next
  if (positions !== undefined) copy(positions, rows)
  for (let c = 0; c < caches.length; c++) {
    const view = caches[c] ? views?.[c] : undefined
    into[at + 4 + c] = view === undefined ? 0 : next
    if (view === undefined) continue
    copy(view.slots, rows)
    copy(view.spans, 2 * rows)
    copy(view.tables, rows)
    copy(view.pages, view.entries)
  }
  return next
}

/** Most pages that a row of the view sees. */
export function pagesSeen({ spans }: CacheView, rows: number, page: number): number {
  let most = 0
  for (let r = 0; r < rows; r++) {
    most = Math.max(most, Math.floor((spans[2 * r + 1] - 1) / page) - Math.floor(spans[2 * r] / page) + 1)
  }
  return most
}
