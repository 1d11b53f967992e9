import { expect } from 'vitest'
import type { Block, PageCopy, Placement, Shift } from '../index.js'
import { PAGE } from '../sizes.js'

/** What each slot of each cache holds: the serial number of the row that was stored there last, 0 for none. */
export interface NaiveSlots {
  at(cache: number, slot: number): number
  set(cache: number, slot: number, serial: number): void
  copy(copies: readonly PageCopy[]): void
}

/** @param pages of each cache; whatever lies beyond is an error */
export function naiveSlots(pages: readonly number[]): NaiveSlots {
  const held = pages.map((count) => new Int32Array(count * PAGE))
  const self: NaiveSlots = {
    at(cache, slot) {
      if (!(slot >= 0 && slot < held[cache].length)) throw new Error(`cache ${cache} has no slot ${slot}`)
      return held[cache][slot]
    },
    set(cache, slot, serial) {
      self.at(cache, slot)
      held[cache][slot] = serial
    },
    copy(copies) {
      for (const { cache, from, to } of copies) {
        for (let i = 0; i < PAGE; i++) {
          self.set(cache, to * PAGE + i, from === undefined ? 0 : self.at(cache, from * PAGE + i))
        }
      }
    },
  }
  return self
}

/** A text as the caches should hold it: which row wrote each position, images, and where shifts have cut. */
export interface NaiveText {
  readonly serials: readonly number[]
  readonly blocks: readonly Block[]
  /** Rows of caches with a window do not see across these positions. */
  readonly cuts: readonly number[]
}

export const NO_TEXT: NaiveText = { serials: [], blocks: [], cuts: [] }

export const appended = (
  { serials, blocks, cuts }: NaiveText,
  more: readonly number[],
  images: readonly Block[],
): NaiveText => ({ serials: [...serials, ...more], blocks: [...blocks, ...images], cuts })

export const rewound = ({ serials, blocks, cuts }: NaiveText, to: number): NaiveText => ({
  serials: serials.slice(0, to),
  blocks: blocks.filter(({ end }) => end <= to),
  cuts: to === 0 ? [] : cuts,
})

/** The text after a shift, by the cut that it tells. */
export function shifted({ serials, blocks, cuts }: NaiveText, { kept, dropped }: Shift): NaiveText {
  const end = kept + dropped
  const left = (position: number): boolean => position < kept || position >= end
  const moved = (position: number): number => (position < kept ? position : position - dropped)
  return {
    serials: serials.filter((_, position) => left(position)),
    blocks: blocks
      .filter(({ start }) => left(start))
      .map((block) => ({ start: moved(block.start), end: moved(block.end - 1) + 1 })),
    cuts: [...cuts.filter(left).map(moved), kept],
  }
}

/** Whether the row at `row` sees the position `other`, by the definition. */
export function sees({ blocks, cuts }: NaiveText, row: number, other: number, window: number | undefined): boolean {
  const isTogether = blocks.some(({ start, end }) => start <= row && row < end && start <= other && other < end)
  if (other > row && !isTogether) return false
  if (window === undefined) return true
  return row - other < window && !cuts.some((cut) => other < cut && cut <= row)
}

/** Holds some of the rows [first, first + count), the last of the text, to what they should see. */
export function checkSeen(
  { views, positions }: Placement,
  slots: NaiveSlots,
  windows: readonly (number | undefined)[],
  text: NaiveText,
  first: number,
  count: number,
): void {
  const { serials } = text
  for (const row of someOf(first, count)) {
    const position = serials.length - count + row - first
    expect(positions[row]).toBe(position)
    for (const [cache, { spans, tables, pages, entries }] of views.entries()) {
      const seen: number[] = []
      for (let p = spans[2 * row]; p < spans[2 * row + 1]; p++) {
        const entry = tables[row] + Math.floor(p / PAGE)
        if (entry < 0 || entry >= entries) throw new Error(`position ${p} has no entry in the table`)
        seen.push(slots.at(cache, pages[entry] * PAGE + (p % PAGE)))
      }
      expectSame(
        seen,
        serials.filter((_, other) => sees(text, position, other, windows[cache])),
      )
    }
  }
}

/** As `expect(a).toEqual(b)`, which takes its time. */
export function expectSame(a: readonly number[], b: readonly number[]): void {
  if (a.length !== b.length || a.some((value, i) => value !== b[i])) expect(a).toEqual(b)
}

/** The first row, the last, and some between. */
const someOf = (first: number, count: number): ReadonlySet<number> =>
  new Set([0, 0.2, 0.5, 0.8, 1].map((part) => first + Math.round(part * (count - 1))))
