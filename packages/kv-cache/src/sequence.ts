import { areWhole, isWhole, NO_BLOCKS, type Block } from './blocks.js'
import { check, G3Error } from './errors.js'
import {
  makeOwn,
  noPages,
  pagesWanted,
  prepare,
  releaseAfter,
  releaseBefore,
  seenFrom,
  share,
  type Cache,
  type HeldPages,
} from './held-pages.js'
import { checkRoom, type OpenPlacement, type PageCopy, type Placement } from './placement.js'
import { PAGE, pagesOf } from './sizes.js'
import type { SequenceState } from './state.js'

/**
 * A text in the caches: its positions, and the pages that hold them. Integers only: the keys and values themselves live
 * in the backend.
 */
export interface Sequence {
  /** Positions in use: the next row gets this position. */
  readonly length: number
  /** Positions that fit, in all. */
  readonly context: number
  readonly remaining: number
  /** Images among the positions, in order. */
  readonly blocks: readonly Block[]
  /** Whether {@link shift} has dropped positions: then the others are not what they would be if they stood alone. */
  readonly wasShifted: boolean
  /**
   * Takes the next `count` positions and adds their rows to a step, once a step. Allocates nothing but for rows that
   * begin a page or write into one that another sequence holds, too.
   * @param blocks images among them, in absolute positions, in order; each whole, for its rows see each other
   * @throws G3Error `kv-cache/full` when they do not fit, `kv-cache/step` for more rows than a step has,
   *   `kv-cache/block` for a block that is cut or out of order, `kv-cache/placement` for a step that has no room, is of
   *   other caches, or has rows of this sequence, `kv-cache/out-of-pages`. Nothing has changed then.
   */
  append(into: Placement, count: number, blocks?: readonly Block[]): void
  /** Whether {@link rewind} to this length is possible. */
  canRewind(length: number): boolean
  /**
   * Goes back to an earlier length, as if what followed had never been appended.
   * @throws G3Error `kv-cache/rewound-past-window` when pages that the next row would see were given up,
   *   `kv-cache/block` for a length inside an image, `kv-cache/length` for one that was never reached
   */
  rewind(length: number): void
  /** Back to no positions. Always possible. */
  reset(): void
  /** The same text once more. Both share all pages until one of them writes into one. */
  fork(): Sequence
  /** Frees all pages. Use afterwards throws `kv-cache/dropped`; twice is fine. */
  drop(): void
  /**
   * Drops the oldest positions after the first `keep`; those after them move down. Rows of caches with a window do not
   * see across the cut from then on.
   * @param keep,drop positions, whole pages. Where that would cut an image, more are kept, or dropped
   * @throws G3Error `kv-cache/shift`, `kv-cache/out-of-pages`. Nothing has changed then.
   */
  shift(keep: number, drop: number): Shift
  /** What {@link Pool.sequence} needs to make the same text again, of pages that hold the same. */
  state(): SequenceState
  /** The pages of a cache that the text holds, in order. */
  pagesIn(cache: number): readonly number[]
}

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

/** What a pool gives its sequences. */
export interface SequenceParts {
  readonly caches: readonly Cache[]
  readonly context: number
  readonly maxRows: number
  /** Frees pages until `wanted` of each cache are there. @throws G3Error `kv-cache/out-of-pages` */
  makeRoom(wanted: () => readonly number[]): void
}

interface Start {
  readonly length: number
  readonly blocks: readonly Block[]
  readonly wasShifted: boolean
  readonly held: readonly HeldPages[]
}

/** @param start a text of which this sequence takes over the pages; by default it has no positions */
export function sequence(parts: SequenceParts, start?: Start): Sequence {
  const { caches, context, maxRows } = parts
  const held = start?.held ?? caches.map((cache) => noPages(cache, context))
  let blocks = start?.blocks ?? NO_BLOCKS
  let length = start?.length ?? 0
  let wasShifted = start?.wasShifted ?? false
  let dropped = false

  const alive = (): void => {
    if (dropped) throw new G3Error('kv-cache/dropped', 'this sequence was dropped; make another one')
  }
  const reached = (to: number): boolean => Number.isInteger(to) && to >= 0 && to <= length
  /** Whether all that the row at `to` would see is held. */
  const intact = (to: number): boolean =>
    to === 0 || held.every((one) => (one.floor === 0 || to > one.floor) && seenFrom(one, to) >= one.first * PAGE)
  const needsPages = (count: number): boolean => {
    for (const one of held) if (pagesWanted(one, length, count) > 0) return true
    return false
  }
  const free = (to: number): void => {
    for (const one of held) releaseAfter(one, to, length)
  }

  const self: Sequence = {
    get length() {
      return length
    },
    context,
    get remaining() {
      return context - length
    },
    get blocks() {
      return blocks
    },
    get wasShifted() {
      return wasShifted
    },
    append(into, count, added = NO_BLOCKS) {
      alive()
      if (!Number.isInteger(count) || count < 1 || count > maxRows) throw stepProblem(count, maxRows)
      if (count > context - length) throw fullProblem(count, length, context)
      checkRoom(into, self, caches.length, count)
      if (!areWhole(added, length, length + count)) throw blockProblem(added, length, length + count)
      checkTables(into, held, length, count)
      if (needsPages(count)) parts.makeRoom(() => held.map((one) => pagesWanted(one, length, count)))
      for (const one of held) prepare(one, length, count, into.copies)
      into.members.add(self)
      place(into, held, length, count, added)
      if (added.length > 0) blocks = [...blocks, ...added]
      length += count
    },
    canRewind: (to) => !dropped && reached(to) && isWhole(blocks, to) && intact(to),
    rewind(to) {
      alive()
      check(reached(to), 'kv-cache/length', () => `cannot rewind to ${to}: the sequence has ${length} positions`)
      check(
        isWhole(blocks, to),
        'kv-cache/block',
        () => `position ${to} is inside an image; rewind to its start or its end`,
      )
      check(intact(to), 'kv-cache/rewound-past-window', () => givenUpProblem(to))
      if (to === 0) return self.reset()
      free(to)
      length = to
      if (blocks.length > 0) blocks = blocks.filter(({ end }) => end <= to)
    },
    reset() {
      alive()
      free(0)
      length = 0
      blocks = NO_BLOCKS
      wasShifted = false
      for (const one of held) {
        one.first = 0
        one.floor = 0
      }
    },
    fork() {
      alive()
      return sequence(parts, { length, blocks, wasShifted, held: held.map((one) => share(one, length)) })
    },
    drop() {
      if (dropped) return
      self.reset()
      dropped = true
    },
    shift(keep, drop) {
      alive()
      const [kept, end] = cutBetween(blocks, keep, drop, length)
      // Pages that move are rotated, so they must be this text's own.
      const shared = ({ cache: { pages }, first, table }: HeldPages): number[] => {
        const entries: number[] = []
        for (let entry = Math.max(first, end / PAGE); entry < pagesOf(length); entry++) {
          if (pages.holders(table[entry]) > 1) entries.push(entry)
        }
        return entries
      }
      parts.makeRoom(() => held.map((one) => shared(one).length))
      const copies: PageCopy[] = []
      for (const one of held) {
        for (const entry of shared(one)) makeOwn(one, entry, copies)
        cut(one, kept, end, length)
      }
      const count = end - kept
      blocks = blocks
        .filter((block) => block.end <= kept || block.start >= end)
        .map((block) => (block.start < end ? block : { start: block.start - count, end: block.end - count }))
      length -= count
      wasShifted = true
      return { kept, dropped: count, copies, slots: held.map((one) => slotsFrom(one, kept, length)) }
    },
    state() {
      alive()
      return {
        length,
        blocks,
        wasShifted,
        caches: held.map(({ first, floor }) => ({
          first,
          count: pagesOf(length) - Math.min(first, pagesOf(length)),
          floor,
        })),
      }
    },
    pagesIn(cache) {
      alive()
      const { table, first } = held[cache]
      return Array.from(table.subarray(first, Math.max(first, pagesOf(length))))
    },
  }
  return self
}

/** Checks that the page tables of the rows fit into the step. @throws G3Error `kv-cache/placement` */
function checkTables({ views }: OpenPlacement, held: readonly HeldPages[], length: number, count: number): void {
  for (let c = 0; c < held.length; c++) {
    const { pages, entries } = views[c]
    const wanted = pagesOf(length + count) - Math.floor(seenFrom(held[c], length) / PAGE)
    if (entries + wanted > pages.length) {
      throw new G3Error(
        'kv-cache/placement',
        `the step has room for page tables of ${pages.length} entries, not for ${wanted} more than ${entries}`,
      )
    }
  }
}

/** Adds the rows of the positions from `start` on. `blocks` are in order and within them. Allocates nothing. */
function place(
  target: OpenPlacement,
  held: readonly HeldPages[],
  start: number,
  count: number,
  blocks: readonly Block[],
): void {
  const first = target.rows
  for (let position = start; position < start + count; position++) target.positions[target.rows++] = position
  for (let c = 0; c < held.length; c++) {
    const one = held[c]
    const { table } = one
    const view = target.views[c]
    const lowest = Math.floor(seenFrom(one, start) / PAGE)
    const base = view.entries - lowest
    for (let entry = lowest; entry < pagesOf(start + count); entry++) view.pages[view.entries++] = table[entry]
    let next = 0
    for (let row = first; row < target.rows; row++) {
      const position = target.positions[row]
      while (next < blocks.length && blocks[next].end <= position) next++
      const inBlock = next < blocks.length && blocks[next].start <= position
      view.slots[row] = table[Math.floor(position / PAGE)] * PAGE + (position % PAGE)
      view.spans[2 * row] = seenFrom(one, position)
      view.spans[2 * row + 1] = inBlock ? blocks[next].end : position + 1
      view.tables[row] = base
    }
  }
}

/**
 * The positions that a shift drops, from and to: none of its ends within an image.
 * @throws G3Error `kv-cache/shift`
 */
function cutBetween(blocks: readonly Block[], keep: number, drop: number, length: number): readonly [number, number] {
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
    to <= length,
    'kv-cache/shift',
    () => `positions ${from} to ${to} cannot be dropped: the sequence has ${length}`,
  )
  return [from, to]
}

/** Takes the pages of [from, to) out of a table. */
function cut(held: HeldPages, from: number, to: number, length: number): void {
  const { cache, table } = held
  const moved = (to - from) / PAGE
  const ends = pagesOf(length)
  if (cache.window !== undefined) {
    // A window sees nothing across a cut, so what was kept is of no use to it.
    releaseBefore(held, Math.min(to / PAGE, ends))
    held.floor = Math.max(from, held.floor > to ? held.floor - (to - from) : from)
    table.copyWithin(held.first - moved, held.first, ends)
    held.first -= moved
  } else {
    for (let entry = from / PAGE; entry < to / PAGE; entry++) cache.pages.release(table[entry])
    table.copyWithin(from / PAGE, to / PAGE, ends)
  }
}

/** Slots of the positions from `from` on that are held. */
function slotsFrom({ table, first }: HeldPages, from: number, length: number): Int32Array {
  const start = Math.max(from, first * PAGE)
  return Int32Array.from({ length: Math.max(0, length - start) }, (_, i) => {
    const position = start + i
    return table[Math.floor(position / PAGE)] * PAGE + (position % PAGE)
  })
}

const stepProblem = (count: number, maxRows: number): G3Error =>
  new G3Error('kv-cache/step', `a step has 1 to ${maxRows} rows, not ${count}`)

const fullProblem = (count: number, length: number, context: number): G3Error =>
  new G3Error(
    'kv-cache/full',
    `${count - (context - length)} of ${count} more positions do not fit: ${length} of ${context} are in use`,
  )

const blockProblem = (blocks: readonly Block[], from: number, to: number): G3Error => {
  const listed = blocks.map(({ start, end }) => `${start} to ${end}`).join(', ')
  return new G3Error('kv-cache/block', `images at ${listed} are not whole parts of this step, ${from} to ${to}`)
}

const givenUpProblem = (to: number): string =>
  `cannot rewind to ${to}: pages that the next row would see were given up when the window had left them; ` +
  'go on from a checkpoint, or reset and append again'
