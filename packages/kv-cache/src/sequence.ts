import { areWhole, isWhole, NO_BLOCKS, type Block } from './blocks.js'
import { check, G3Error } from './errors.js'
import {
  makeOwn,
  noPages,
  pagesWanted,
  prepare,
  releaseAfter,
  seenFrom,
  share,
  type Cache,
  type HeldPages,
} from './held-pages.js'
import { checkTables, place } from './place.js'
import { checkRoom, type LatestStep, type PageCopy, type Placement } from './placement.js'
import { blocksWithout, cut, cutBetween, sharedFrom, slotsFrom, type Shift } from './shift.js'
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
   *   another pool, or has rows of this sequence, `kv-cache/out-of-pages`. Nothing has changed then.
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
  /**
   * The same text once more, in the same pages: whoever writes into one first gets a copy. Of caches with a window it
   * holds what a text of this length needs, the slack included.
   */
  fork(): Sequence
  /** Frees all pages. Use afterwards throws `kv-cache/dropped`; twice is fine. */
  drop(): void
  /**
   * Drops the oldest positions after the first `keep`; those after them move down. Rows of caches with a window do not
   * see across the cut from then on, so that what they see does not depend on the pages that they happen to hold.
   * @param keep,drop positions, whole pages. Where that would cut an image, more are kept, or dropped. Something must
   *   be left after them
   * @throws G3Error `kv-cache/shift`, `kv-cache/out-of-pages`. Nothing has changed then.
   */
  shift(keep: number, drop: number): Shift
  /** What {@link Pool.sequence} needs to make the same text again, of pages that hold the same. */
  state(): SequenceState
  /** The pages of a cache that the text holds, in order. */
  pagesIn(cache: number): readonly number[]
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
  readonly latest?: LatestStep
}

/** @param start a text of which this sequence takes over the pages; by default it has no positions */
export function sequence(parts: SequenceParts, start?: Start): Sequence {
  const { caches, context, maxRows } = parts
  const held = start?.held ?? caches.map((cache) => noPages(cache, context))
  let blocks = start?.blocks ?? NO_BLOCKS
  let length = start?.length ?? 0
  let wasShifted = start?.wasShifted ?? false
  const latest = start?.latest ?? { into: undefined, step: 0 }
  let dropped = false

  const alive = (): void => {
    if (dropped) throw new G3Error('kv-cache/dropped', 'this sequence was dropped; make another one')
  }
  const reached = (to: number): boolean => Number.isInteger(to) && to >= 0 && to <= length
  /** Whether all that the row at `to` would see is held. */
  const intact = (to: number): boolean =>
    to === 0 || held.every((one) => (one.floor === 0 || to > one.floor) && seenFrom(one, to) >= one.first * PAGE)
  const makeRoom = (count: number): void => {
    parts.makeRoom(() => held.map((one) => pagesWanted(one, length, count)))
    alive()
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
      checkRoom(into, parts, latest, count)
      if (!areWhole(added, length, length + count)) throw blockProblem(added, length, length + count)
      checkTables(into, held, length, count)
      for (let c = 0; c < held.length; c++) if (pagesWanted(held[c], length, count) > 0) makeRoom(count)
      for (let c = 0; c < held.length; c++) prepare(held[c], length, count, into.copies)
      place(into, held, length, count, added)
      latest.into = into
      latest.step = into.steps
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
      const shared = held.map((one) => share(one, length))
      return sequence(parts, { length, blocks, wasShifted, held: shared, latest: { ...latest } })
    },
    drop() {
      if (dropped) return
      self.reset()
      dropped = true
    },
    shift(keep, drop) {
      alive()
      const [kept, end] = cutBetween(blocks, keep, drop, length)
      // Keys that move are rotated, so their pages must be this text's own.
      const shared = (one: HeldPages): number[] => sharedFrom(one, end, length)
      parts.makeRoom(() => held.map((one) => shared(one).length))
      alive()
      const copies: PageCopy[] = []
      for (const one of held) {
        for (const entry of shared(one)) makeOwn(one, entry, copies)
        cut(one, kept, end, length)
      }
      blocks = blocksWithout(blocks, kept, end)
      length -= end - kept
      wasShifted = true
      return { kept, dropped: end - kept, copies, slots: held.map((one) => slotsFrom(one, kept, length)) }
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
