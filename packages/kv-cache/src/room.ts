import { checkSize, PAGE, pagesOf } from './sizes.js'

/** What a text may become in a cache. */
export interface Room {
  /** Positions that a row sees, itself included; `undefined`: all up to its own. */
  readonly window?: number | undefined
  /** Positions of the text. */
  readonly context: number
  /** Rows of one text in the largest step. */
  readonly maxRows: number
}

/** Texts that share a pool. */
export interface PoolRoom extends Room {
  readonly sequences: number
  /** Checkpoints beside them. */
  readonly checkpoints: number
  /** Positions that stay behind a window. Default {@link PAGE}. */
  readonly slack?: number
}

/**
 * Most pages that a text holds: all of its context, or its window, its slack and a step, wherever they begin.
 * @throws G3Error `kv-cache/size`
 */
export const textPages = (room: Room, slack = PAGE): number => {
  checkSize('slack', slack, 0)
  return spanned(room, slack + room.maxRows)
}

/**
 * Most entries that the page table of a text has in a step: those of what its rows see.
 * @throws G3Error `kv-cache/size`
 */
export const tableEntries = (room: Room): number => spanned(room, room.maxRows)

/**
 * Pages that a cache needs so that all sequences can be full and no checkpoint of them need be given up.
 * A checkpoint has a window of its own; without one, it shares all pages with its sequence but the last, into which
 * both go on. Checkpoints of texts that no sequence continues take more, and are given up when pages run out.
 * @throws G3Error `kv-cache/size`
 */
export function poolPages({ sequences, checkpoints, slack = PAGE, ...room }: PoolRoom): number {
  checkSize('sequences', sequences)
  checkSize('checkpoints', checkpoints, 0)
  const own = room.window === undefined ? 1 : spanned(room, slack)
  return sequences * textPages(room, slack) + checkpoints * own
}

/** Pages that a text's window and so many positions more can touch, wherever they begin; or all of them. */
function spanned({ window, context, maxRows }: Room, more: number): number {
  checkSize('context', context)
  checkSize('maxRows', maxRows)
  if (window === undefined) return pagesOf(context)
  checkSize('window', window)
  // The first of them may be the last of its page.
  return Math.min(pagesOf(context), 1 + pagesOf(window - 1 + more - 1))
}
