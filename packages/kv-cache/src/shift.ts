import { isWhole, type Block } from './blocks.js'
import { check } from './errors.js'
import { releaseBefore, type HeldPages } from './held-pages.js'
import type { PageCopy } from './placement.js'
import { PAGE, pageAt, pagesOf } from './sizes.js'

/** What a shift did, and what is left to do. */
export interface Shift {
  /** Positions at the start that stayed, and how many after them were dropped. */
  readonly kept: number
  readonly dropped: number
  /** Page copies, to be made first. */
  readonly copies: readonly PageCopy[]
  /** For each cache the slots whose keys must be rotated back by `dropped` positions. */
  readonly slots: readonly Int32Array[]
}

/**
 * The positions that a shift drops, from and to: none of its ends within an image.
 * @throws G3Error `kv-cache/shift`
 */
export function cutBetween(
  blocks: readonly Block[],
  keep: number,
  drop: number,
  length: number,
): readonly [number, number] {
  const isPages = (value: number): boolean => Number.isInteger(value) && value >= 0 && value % PAGE === 0
  const held = isPages(keep) && isPages(drop) && drop > 0
  check(
    held,
    'kv-cache/shift',
    () => `keep ${keep} and drop ${drop} must be whole pages of ${PAGE} positions, and drop at least one`,
  )
  const outside = (from: number): number => {
    let at = from
    while (!isWhole(blocks, at)) at += PAGE
    return at
  }
  const from = outside(keep)
  const to = outside(from + drop)
  check(
    to < length,
    'kv-cache/shift',
    () => `nothing is left after positions ${from} to ${to}: the sequence has ${length}; rewind it instead`,
  )
  return [from, to]
}

/** Entries of pages from position `from` on that other texts hold, too. */
export function sharedFrom({ cache: { pages }, first, table }: HeldPages, from: number, length: number): number[] {
  const entries: number[] = []
  for (let entry = Math.max(first, from / PAGE); entry < pagesOf(length); entry++) {
    if (pages.holders(table[entry]) > 1) entries.push(entry)
  }
  return entries
}

/** The images of a text that loses the positions [from, to). */
export const blocksWithout = (blocks: readonly Block[], from: number, to: number): readonly Block[] =>
  blocks
    .filter(({ start, end }) => end <= from || start >= to)
    .map((block) => (block.start < to ? block : { start: block.start - to + from, end: block.end - to + from }))

/** Takes the pages of [from, to) out of a table. */
export function cut(held: HeldPages, from: number, to: number, length: number): void {
  const { cache, table } = held
  const moved = (to - from) / PAGE
  const ends = pagesOf(length)
  if (cache.window !== undefined) {
    // A window sees nothing across a cut, so what was kept is of no use to it.
    releaseBefore(held, to / PAGE)
    // The highest cut counts.
    held.floor = Math.max(from, held.floor - (to - from))
    table.copyWithin(held.first - moved, held.first, ends)
    held.first -= moved
  } else {
    for (let entry = from / PAGE; entry < to / PAGE; entry++) cache.pages.release(table[entry])
    table.copyWithin(from / PAGE, to / PAGE, ends)
  }
}

/** Slots of the positions from `from` on that are held. */
export function slotsFrom({ table, first }: HeldPages, from: number, length: number): Int32Array {
  const start = Math.max(from, first * PAGE)
  return Int32Array.from({ length: Math.max(0, length - start) }, (_, i) => {
    const position = start + i
    return table[pageAt(position)] * PAGE + (position % PAGE)
  })
}
