import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pool, prefixTree, type Block, type Pool, type PoolOptions, type Sequence } from './index.js'
import { PAGE } from './sizes.js'
import { checkSeen, copyPages, emptySlots, NO_TEXT, shifted, store, type NaiveText } from './testing/naive-model.js'

const CONTEXT = 1200
const MOST_ROWS = 200
const TEXTS = 4

/** What a random program does with a few texts. */
type Command =
  | { readonly kind: 'append'; readonly who: number; readonly count: number; readonly image: number }
  | { readonly kind: 'step'; readonly of: readonly number[] }
  | { readonly kind: 'rewind'; readonly who: number; readonly back: number }
  | { readonly kind: 'shift'; readonly who: number; readonly keep: number; readonly drop: number }
  | { readonly kind: 'fork'; readonly who: number; readonly to: number }
  | { readonly kind: 'keep' | 'reset' | 'drop' | 'restore'; readonly who: number }
  | { readonly kind: 'find'; readonly who: number; readonly like: number; readonly shared: number }
  | { readonly kind: 'evict' }

const who = fc.nat(TEXTS - 1)
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      who,
      count: fc.integer({ min: 1, max: MOST_ROWS }),
      image: fc.nat(400),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('step' as const), of: fc.uniqueArray(who, { minLength: 1 }) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rewind' as const), who, back: fc.nat(400) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('shift' as const),
      who,
      keep: fc.nat(3),
      drop: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('fork' as const), who, to: who }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('keep' as const, 'reset' as const, 'drop' as const, 'restore' as const),
      who,
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('find' as const), who, like: who, shared: fc.nat(CONTEXT) }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'evict' as const }) },
)

const code = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : error)

interface Text {
  sequence: Sequence
  naive: NaiveText
  /** Whether a shift has made its keys say less than its pages. */
  cut: boolean
}

/** Runs a program and holds every row that it stores to the naive truth. Returns the pool and what is still open. */
function run(options: PoolOptions, commands: readonly Command[]): { pool: Pool; close: () => void } {
  const own = pool(options)
  const tree = prefixTree(own, { checkpoints: 3 })
  const windows = options.caches.map(({ window }) => window)
  const slots = emptySlots(windows.length)
  const step = own.placement(TEXTS * MOST_ROWS, TEXTS)
  const texts = Array.from({ length: TEXTS }, (): Text => ({ sequence: own.sequence(), naive: NO_TEXT, cut: false }))
  let serial = 1

  /** Adds rows to some texts in one step; those that do not fit stay as they were. */
  const append = (members: readonly { text: Text; count: number; blocks: readonly Block[] }[]): void => {
    step.begin()
    const done: { text: Text; first: number; count: number }[] = []
    for (const { text, count, blocks } of members) {
      const [before, first] = [text.sequence.length, step.rows]
      try {
        text.sequence.append(step, count, blocks)
      } catch (error) {
        expect(['kv-cache/full', 'kv-cache/out-of-pages']).toContain(code(error))
        expect([text.sequence.length, step.rows]).toEqual([before, first])
        continue
      }
      const { serials, ...rest } = text.naive
      text.naive = {
        ...rest,
        blocks: [...rest.blocks, ...blocks],
        serials: [...serials, ...Array.from({ length: count }, (_, i) => serial + i)],
      }
      done.push({ text, first, count })
      serial += count
    }
    copyPages(slots, step.copies)
    let at = serial - done.reduce((sum, { count }) => sum + count, 0)
    for (const { first, count } of done) {
      store({ ...step, rows: first + count }, slots, first, at)
      at += count
    }
    for (const { text, first, count } of done) checkSeen(step, slots, windows, text.naive, first, count)
  }

  const replace = (index: number, text: Text): void => {
    texts[index].sequence.drop()
    texts[index] = text
  }
  const keysOf = ({ naive }: Text): Int32Array => Int32Array.from(naive.serials)

  for (const one of commands) {
    switch (one.kind) {
      case 'append': {
        const text = texts[one.who]
        const start = text.sequence.length + (one.image % 50)
        const fits = one.image < 150 && start + 20 <= text.sequence.length + one.count
        append([{ text, count: one.count, blocks: fits ? [{ start, end: start + 20 }] : [] }])
        break
      }
      case 'step':
        append(one.of.map((index) => ({ text: texts[index], count: 1, blocks: [] })))
        break
      case 'rewind': {
        const { sequence, naive } = texts[one.who]
        const to = Math.max(0, sequence.length - one.back)
        const isCut = naive.blocks.some(({ start, end }) => start < to && to < end)
        // What lies within the slack is always there; what is not there is refused.
        if (one.back <= PAGE && !isCut && (naive.floor === 0 || to > naive.floor))
          expect(sequence.canRewind(to)).toBe(true)
        if (!sequence.canRewind(to)) {
          expect(() => sequence.rewind(to)).toThrow()
          break
        }
        sequence.rewind(to)
        texts[one.who].naive = {
          serials: naive.serials.slice(0, to),
          blocks: naive.blocks.filter(({ end }) => end <= to),
          floor: to === 0 ? 0 : naive.floor,
        }
        if (to === 0) texts[one.who].cut = false
        break
      }
      case 'shift': {
        const text = texts[one.who]
        try {
          const shift = text.sequence.shift(one.keep * PAGE, one.drop * PAGE)
          copyPages(slots, shift.copies)
          // Rotating a key makes it another: the naive text gets new serial numbers for what moved.
          const naive = shifted(text.naive, shift)
          const fresh = naive.serials.map((old, p) => (p < shift.kept ? old : serial++))
          const moved = new Map(naive.serials.map((old, p) => [old, fresh[p]]))
          for (const [cache, list] of shift.slots.entries()) {
            expect(new Set(list).size).toBe(list.length)
            for (const slot of list) slots[cache].set(slot, moved.get(slots[cache].get(slot) ?? -1) ?? -1)
          }
          text.naive = { ...naive, serials: fresh }
          text.cut = true
        } catch (error) {
          expect(['kv-cache/shift', 'kv-cache/out-of-pages']).toContain(code(error))
          expect(text.sequence.length).toBe(text.naive.serials.length)
        }
        break
      }
      case 'fork':
        if (one.to !== one.who) replace(one.to, { ...texts[one.who], sequence: texts[one.who].sequence.fork() })
        break
      case 'keep': {
        const text = texts[one.who]
        if (text.sequence.length > 0 && !text.cut) tree.keep(text.sequence, keysOf(text))
        break
      }
      case 'find': {
        if (one.who === one.like) break
        const like = texts[one.like]
        if (like.cut) break
        const keys = keysOf(like).subarray(0, one.shared)
        const found = tree.find(keys)
        expect(found.length).toBeLessThanOrEqual(found.shared)
        if (found.length === 0) break
        const { length } = found
        const sequence = found.start()
        expect(sequence.length).toBe(length)
        const naive = { ...like.naive, serials: like.naive.serials.slice(0, length), blocks: sequence.blocks }
        replace(one.who, { sequence, naive, cut: false })
        break
      }
      case 'restore': {
        const text = texts[one.who]
        try {
          const copy = own.sequence(text.sequence.state())
          for (const cache of windows.keys()) {
            const from = text.sequence.pagesIn(cache)
            const to = copy.pagesIn(cache)
            expect(to.length).toBe(from.length)
            copyPages(
              slots,
              from.map((page, i) => ({ cache, from: page, to: to[i] })),
            )
          }
          replace(one.who, { ...text, sequence: copy })
        } catch (error) {
          expect(code(error)).toBe('kv-cache/out-of-pages')
        }
        break
      }
      case 'reset':
        texts[one.who].sequence.reset()
        Object.assign(texts[one.who], { naive: NO_TEXT, cut: false })
        break
      case 'drop':
        replace(one.who, { sequence: own.sequence(), naive: NO_TEXT, cut: false })
        break
      case 'evict':
        tree.evict()
        break
      default:
        one satisfies never
    }
  }
  const close = (): void => {
    for (const { sequence } of texts) sequence.drop()
    tree.clear()
  }
  return { pool: own, close }
}

const SHAPES: readonly (readonly [string, Omit<PoolOptions, 'context' | 'maxRows'>])[] = [
  ['a window and all positions', { caches: [{ window: 130, pages: 40 }, { pages: 50 }] }],
  ['hardly enough pages', { caches: [{ window: 200, pages: 12 }, { pages: 13 }] }],
  [
    'a budget',
    {
      caches: [
        { window: 100, pages: 90, pageBytes: 7 },
        { pages: 90, pageBytes: 3 },
      ],
      budgetBytes: 150,
    },
  ],
  [
    'windows only, no slack but a position',
    {
      caches: [
        { window: 1, pages: 30 },
        { window: 64, pages: 30 },
      ],
      slack: 1,
    },
  ],
  ['all positions only', { caches: [{ pages: 45 }] }],
]

describe('random programs see what they should', () => {
  it.each(SHAPES)('%s', (name, shape) => {
    const programs = fc.array(command, { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(programs, (commands) => {
        // The last shape's slack is too small for what a rewind is held to.
        if (name.startsWith('windows only') && commands.some(({ kind }) => kind === 'rewind')) return
        const { pool: own, close } = run({ ...shape, context: CONTEXT, maxRows: MOST_ROWS }, commands)
        close()
        expect(own.usage().caches.map(({ used }) => used)).toEqual(shape.caches.map(() => 0))
      }),
      { numRuns: 600 },
    )
  })
})
