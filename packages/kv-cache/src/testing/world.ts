import { expect } from 'vitest'
import { pool, prefixTree, type Block, type Pool, type PoolOptions, type PrefixTree, type Sequence } from '../index.js'
import { PAGE, pageAt, pagesOf } from '../sizes.js'
import {
  appended,
  checkSeen,
  expectSame,
  naiveSlots,
  NO_TEXT,
  rewound,
  sees,
  shifted,
  type NaiveText,
} from './naive-model.js'

/** A sequence under test, and what it should be. */
export interface Text {
  sequence: Sequence
  naive: NaiveText
}

/** Rows of a text that are to join a step. */
export interface Part {
  readonly text: Text
  readonly count: number
  readonly blocks: readonly Block[]
}

/** Some texts of one pool, the slots behind it, and checkpoints. Every call checks itself against the naive model. */
export interface World {
  readonly pool: Pool
  readonly tree: PrefixTree
  readonly texts: readonly Text[]
  /** Adds rows to some texts in one step; those that do not fit stay as they were. */
  append(parts: readonly Part[]): void
  rewind(text: Text, to: number): void
  shift(text: Text, keep: number, drop: number): void
  fork(text: Text, to: Text): void
  drop(text: Text): void
  keep(text: Text): void
  /** Makes `text` begin as much like another as checkpoints allow. */
  find(text: Text, like: NaiveText): void
  /** Replaces a text by one made of its state and pages. */
  restore(text: Text): void
  /** Gives up everything. Nothing may be in use then. */
  close(): void
}

export function world(options: PoolOptions, count: number): World {
  const own = pool(options)
  const tree = prefixTree(own, { checkpoints: 3 })
  const windows = options.caches.map(({ window }) => window)
  const slots = naiveSlots(options.caches.map(({ pages }) => pages))
  const step = own.placement(count * options.maxRows, count)
  const texts = Array.from({ length: count }, (): Text => ({ sequence: own.sequence(), naive: NO_TEXT }))
  let serial = 0

  const replace = (text: Text, sequence: Sequence, naive: NaiveText): void => {
    text.sequence.drop()
    Object.assign(text, { sequence, naive })
    checkText(text)
  }

  /** The text is what it should be, as far as its pages are held. */
  const checkText = ({ sequence, naive }: Text): void => {
    const { serials, blocks, cuts } = naive
    expect(sequence.length).toBe(serials.length)
    expect(sequence.blocks).toEqual(blocks)
    expect(sequence.wasShifted).toBe(cuts.length > 0)
    for (const [cache, { first }] of sequence.state().caches.entries()) {
      for (const [i, page] of sequence.pagesIn(cache).entries()) {
        const from = (first + i) * PAGE
        const want = serials.slice(from, from + PAGE)
        expectSame(
          want.map((_, at) => slots.at(cache, page * PAGE + at)),
          want,
        )
      }
    }
  }

  /** Whether images stay whole, no cut is left behind, and the pages that the row at `to` sees or joins are held. */
  const canRewind = ({ sequence, naive }: Text, to: number): boolean => {
    if (to === 0) return true
    if (naive.blocks.some(({ start, end }) => start < to && to < end)) return false
    return windows.every((window, cache) => {
      if (window === undefined) return true
      if (naive.cuts.some((cut) => cut >= to && cut > 0)) return false
      const seen = naive.serials.findIndex((_, other) => other === to || sees(naive, to, other, window))
      const from = seen < 0 ? to : seen
      const { first } = sequence.state().caches[cache]
      return pageAt(from) >= first && sequence.pagesIn(cache).length >= pagesOf(to) - first
    })
  }

  /** Runs what may be refused with one of these codes, and then must have changed nothing. */
  const attempt = (texts: readonly Text[], codes: readonly string[], run: () => void): boolean => {
    const before = texts.map(stateOf)
    const rows = step.rows
    try {
      run()
      return true
    } catch (error) {
      expect(codes).toContain(codeOf(error))
      expect(texts.map(stateOf)).toEqual(before)
      expect(step.rows).toBe(rows)
      return false
    } finally {
      expect(own.usage().bytes).toBeLessThanOrEqual(options.budgetBytes ?? Infinity)
    }
  }

  return {
    pool: own,
    tree,
    texts,
    append(parts) {
      step.begin()
      const done: { text: Text; first: number; count: number }[] = []
      for (const { text, count, blocks } of parts) {
        const first = step.rows
        const run = (): void => text.sequence.append(step, count, blocks)
        if (!attempt([text], ['kv-cache/full', 'kv-cache/out-of-pages'], run)) continue
        const more = Array.from({ length: count }, () => ++serial)
        text.naive = appended(text.naive, more, blocks)
        done.push({ text, first, count })
      }
      slots.copy(step.copies)
      for (const { text, first, count } of done) {
        for (const [cache, view] of step.views.entries()) {
          for (const [row, written] of text.naive.serials.slice(-count).entries()) {
            slots.set(cache, view.slots[first + row], written)
          }
        }
      }
      for (const { text, first, count } of done) checkSeen(step, slots, windows, text.naive, first, count)
    },
    rewind(text, to) {
      const isPossible = canRewind(text, to)
      expect(text.sequence.canRewind(to)).toBe(isPossible)
      const codes = ['kv-cache/block', 'kv-cache/rewound-past-window']
      expect(attempt([text], codes, () => text.sequence.rewind(to))).toBe(isPossible)
      if (isPossible) text.naive = rewound(text.naive, to)
      checkText(text)
    },
    shift(text, keep, drop) {
      attempt([text], ['kv-cache/shift', 'kv-cache/out-of-pages'], () => {
        const shift = text.sequence.shift(keep, drop)
        slots.copy(shift.copies)
        // Rotating a key makes it another: what moved gets new serial numbers.
        const { serials, ...rest } = shifted(text.naive, shift)
        const fresh = serials.map((old, p) => (p < shift.kept ? old : ++serial))
        const moved = new Map(serials.map((old, p) => [old, fresh[p]]))
        for (const [cache, list] of shift.slots.entries()) {
          expect(new Set(list).size).toBe(list.length)
          for (const slot of list) slots.set(cache, slot, moved.get(slots.at(cache, slot)) ?? -1)
        }
        text.naive = { serials: fresh, ...rest }
      })
      checkText(text)
    },
    fork(text, to) {
      if (text !== to) replace(to, text.sequence.fork(), text.naive)
    },
    drop: (text) => replace(text, own.sequence(), NO_TEXT),
    keep({ sequence, naive }) {
      if (sequence.length > 0 && !sequence.wasShifted) tree.keep(sequence, Int32Array.from(naive.serials))
    },
    find(text, like) {
      const found = tree.find(Int32Array.from(like.serials))
      expect(found.length).toBeLessThanOrEqual(found.shared)
      // What a shift has moved is in no checkpoint, so what is found lies before the cut.
      if (found.length > 0) replace(text, found.start(), { ...rewound(like, found.length), cuts: [] })
    },
    restore(text) {
      attempt([text], ['kv-cache/out-of-pages'], () => {
        const copy = own.sequence(text.sequence.state())
        for (const cache of windows.keys()) {
          const to = copy.pagesIn(cache)
          slots.copy(text.sequence.pagesIn(cache).map((from, i) => ({ cache, from, to: to[i] })))
        }
        replace(text, copy, text.naive)
      })
    },
    close() {
      for (const { sequence } of texts) sequence.drop()
      tree.clear()
      expect(own.usage().caches.map(({ used }) => used)).toEqual(windows.map(() => 0))
    },
  }
}

const stateOf = ({ sequence }: Text) => {
  const state = sequence.state()
  return { ...state, pages: state.caches.map((_, cache) => sequence.pagesIn(cache)) }
}

const codeOf = (error: unknown): unknown => {
  if (error instanceof Error && 'code' in error) return error.code
  throw error
}
