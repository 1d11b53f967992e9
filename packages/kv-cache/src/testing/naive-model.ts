import { expect } from 'vitest'
import type { Block, PageCopy, Placement, Shift } from '../index.js'
import { PAGE } from '../sizes.js'

/** What each slot of each cache holds: the serial number of the row that was stored there last. */
export type Slots = readonly Map<number, number>[]

export const emptySlots = (caches: number): Slots => Array.from({ length: caches }, () => new Map())

/** A text as the caches should hold it: which row wrote each position, images, and where a shift has cut. */
export interface NaiveText {
  readonly serials: readonly number[]
  readonly blocks: readonly Block[]
  /** Positions below it are out of sight for rows of windowed caches. */
  readonly floor: number
}

export const NO_TEXT: NaiveText = { serials: [], blocks: [], floor: 0 }

export function copyPages(slots: Slots, copies: readonly PageCopy[]): void {
  for (const { cache, from, to } of copies) {
    for (let i = 0; i < PAGE; i++) {
      const held = from === undefined ? undefined : slots[cache].get(from * PAGE + i)
      if (held === undefined) slots[cache].delete(to * PAGE + i)
      else slots[cache].set(to * PAGE + i, held)
    }
  }
}

/** Stores the rows [first, placement.rows) of a step, numbered from `serial` on. */
export function store({ views, rows }: Placement, slots: Slots, first: number, serial: number): void {
  for (const [cache, view] of views.entries()) {
    for (let row = first; row < rows; row++) slots[cache].set(view.slots[row], serial + row - first)
  }
}

/** The first row, the last, and some between. */
const someOf = (first: number, count: number): ReadonlySet<number> =>
  new Set([0, 0.2, 0.5, 0.8, 1].map((part) => first + Math.round(part * (count - 1))))

/** Holds what some of the rows [first, first + count), the last of the text, see to what they should see. */
export function checkSeen(
  { views, positions }: Placement,
  slots: Slots,
  windows: readonly (number | undefined)[],
  { serials, blocks, floor }: NaiveText,
  first: number,
  count: number,
): void {
  for (const row of someOf(first, count)) {
    const position = serials.length - count + row - first
    expect(positions[row]).toBe(position)
    const image = blocks.find(({ start, end }) => start <= position && position < end)
    for (const [cache, { spans, tables, pages, entries }] of views.entries()) {
      const window = windows[cache]
      const from = window === undefined ? 0 : Math.max(0, floor, position - window + 1)
      const seen: (number | undefined)[] = []
      for (let p = spans[2 * row]; p < spans[2 * row + 1]; p++) {
        const entry = tables[row] + Math.floor(p / PAGE)
        if (entry < 0 || entry >= entries) throw new Error(`position ${p} has no entry in the table`)
        seen.push(slots[cache].get(pages[entry] * PAGE + (p % PAGE)))
      }
      expect(seen).toEqual(serials.slice(from, image?.end ?? position + 1))
    }
  }
}

/** The text after a shift, by the cut that it tells. */
export function shifted({ serials, blocks, floor }: NaiveText, { kept, dropped }: Shift): NaiveText {
  const end = kept + dropped
  return {
    serials: [...serials.slice(0, kept), ...serials.slice(end)],
    blocks: blocks
      .filter((block) => block.end <= kept || block.start >= end)
      .map((block) => (block.start < end ? block : { start: block.start - dropped, end: block.end - dropped })),
    floor: Math.max(kept, floor > end ? floor - dropped : kept),
  }
}
