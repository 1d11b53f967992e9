import { PAGE, pagesOf } from './sizes.js'

/** What a text may become in a cache. */
export interface Room {
  /** Positions that a row sees, itself included; `undefined`: all up to its own. */
  readonly window?: number | undefined
  /** Positions of the text. */
  readonly context: number
  /** Rows of one text in the largest step. */
  readonly maxRows: number
}

/** Most pages that a text holds: all of its context, or its window, its slack and a step, wherever they begin. */
export const textPages = ({ window, context, maxRows }: Room, slack = PAGE): number =>
  spanned(window === undefined ? context : window - 1 + slack + maxRows, context)

/** Most entries that the page table of a text has in a step: those of what its rows see. */
export const tableEntries = ({ window, context, maxRows }: Room): number =>
  spanned(window === undefined ? context : window - 1 + maxRows, context)

/** Pages that so many positions in a row can touch. */
const spanned = (positions: number, context: number): number => Math.min(pagesOf(context), pagesOf(positions) + 1)
