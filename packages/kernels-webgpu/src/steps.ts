import type { CacheView, Step } from '@g3/backend'
import type { GpuProgram } from './program.js'

/** Offsets of storage bindings that every device takes. */
export const STEP_ALIGN = 256

/** Words of a step of so many rows, see `wgsl/lib/step.wgsl`. */
export const stepWords = (rows: number, caches: number): number => 2 + rows * (6 + 4 * caches)

/**
 * Writes what a program asks of a step: rows and from; ids, positions, and for each cache that it uses slots, spans and
 * where page tables begin; draws. What it does not ask for keeps its place and its words.
 * @param tableAt for each cache, where its page tables lie, counted from this step's first word
 * @returns words up to the last that was written
 */
export function writeStep(
  { rows, from = 0, ids, positions, draws, views }: Step,
  { caches, needsOnlyRows, needsDraws }: Pick<GpuProgram, 'caches' | 'needsOnlyRows' | 'needsDraws'>,
  tableAt: readonly number[],
  into: Int32Array,
  at: number,
): number {
  into[at] = rows
  into[at + 1] = from
  let next = 2
  /** A loop: a subarray for each token would be garbage. */
  const copy = (values: Int32Array | undefined, count: number, plus = 0): void => {
    if (values !== undefined) for (let i = 0; i < count; i++) into[at + next + i] = values[i] + plus
    next += count
  }
  copy(needsOnlyRows ? undefined : ids, rows)
  copy(needsOnlyRows ? undefined : positions, rows)
  copy(needsDraws ? draws : undefined, 4 * rows)
  if (needsOnlyRows) return needsDraws ? next : 2
  for (let c = 0; c < caches.length; c++) {
    const view = caches[c] ? views?.[c] : undefined
    copy(view?.slots, rows)
    copy(view?.spans, 2 * rows)
    copy(view?.tables, rows, tableAt[c])
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
