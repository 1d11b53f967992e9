import { describe, expect, it } from 'vitest'
import type { Block } from './blocks.js'
import type { Placement } from './placement.js'
import { pool, type Pool } from './pool.js'
import type { Sequence } from './sequence.js'

const coded = (code: string) => expect.objectContaining({ code: `kv-cache/${code}` })

/** A cache with a window and one without. */
const small = (): Pool =>
  pool({ caches: [{ window: 100, pages: 20 }, { pages: 20 }], context: 1000, maxRows: 200, slack: 50 })

/** Appends in a step of its own. */
function append(from: Pool, text: Sequence, count: number, blocks?: readonly Block[]): Placement {
  const step = from.placement(200, 1)
  text.append(step, count, blocks)
  return step
}

describe('rows of a step', () => {
  const made = small()
  const step = made.placement(300, 2)
  const [a, b] = [made.sequence(), made.sequence()]
  for (const [text, count] of [
    [a, 200],
    [b, 5],
  ] as const) {
    append(made, text, count)
  }
  a.append(step, 100)
  b.append(step, 2)

  it('have the next positions of their sequences', () => {
    expect(step.rows).toBe(102)
    expect([...step.positions.subarray(98, 102)]).toEqual([298, 299, 5, 6])
  })

  it('see the window, or all', () => {
    const [local, global] = step.views
    const spans = (of: Int32Array, row: number) => [...of.subarray(2 * row, 2 * row + 2)]
    expect([spans(local.spans, 0), spans(local.spans, 99), spans(local.spans, 100)]).toEqual([
      [101, 201],
      [200, 300],
      [0, 6],
    ])
    expect([spans(global.spans, 0), spans(global.spans, 99)]).toEqual([
      [0, 201],
      [0, 300],
    ])
  })

  it('find their pages in one table for each sequence, which lists what its rows see', () => {
    const { pages, entries, tables, slots } = step.views[1]
    expect([entries, tables[0], tables[99], tables[100]]).toEqual([4, 0, 0, 3])
    expect([...pages.subarray(0, 4)]).toEqual([...a.pagesIn(1), ...b.pagesIn(1)])
    expect(slots[0]).toBe(a.pagesIn(1)[1] * 128 + 72)
  })

  it('begin their table before its first entry where a window has left pages behind', () => {
    append(made, a, 200)
    const { tables, entries, pages, slots } = append(made, a, 1).views[0]
    expect([tables[0], entries]).toEqual([-3, 1])
    expect(slots[0]).toBe(pages[0] * 128 + (500 % 128))
  })
})

describe('pages', () => {
  it('are given up when the window and the slack have left them', () => {
    const made = small()
    const text = made.sequence()
    for (let i = 0; i < 5; i++) append(made, text, 200)
    expect([text.pagesIn(0).length, text.pagesIn(1).length]).toEqual([3, 8])
    // The rows of the last step began at 800 and see from 701 on; a rewind by 50 from there would need 651.
    expect(text.state().caches).toEqual([
      { first: 5, count: 3, floor: 0 },
      { first: 0, count: 8, floor: 0 },
    ])
    expect(made.usage().caches).toEqual([
      { used: 3, pages: 20 },
      { used: 8, pages: 20 },
    ])
  })

  it('are cleared before they are used again, and not before the first time', () => {
    const made = small()
    const text = made.sequence()
    expect(append(made, text, 100).copies).toEqual([])
    text.drop()
    const { copies } = append(made, made.sequence(), 1)
    expect(copies).toEqual([
      { cache: 0, from: undefined, to: 0 },
      { cache: 1, from: undefined, to: 0 },
    ])
  })

  it('are copied by all who write into them but the last', () => {
    const made = small()
    const text = made.sequence()
    append(made, text, 10)
    const forks = [text.fork(), text.fork()]
    expect(made.usage().caches[0].used).toBe(1)
    expect(append(made, forks[0], 1).copies).toEqual([
      { cache: 0, from: 0, to: 1 },
      { cache: 1, from: 0, to: 1 },
    ])
    expect(append(made, text, 1).copies).toHaveLength(2)
    expect(append(made, forks[1], 1).copies).toEqual([])
    expect(made.usage().caches[0].used).toBe(3)
  })

  it('are not copied where they are full, nor by a fork that was rewound to their end', () => {
    const made = small()
    const text = made.sequence()
    append(made, text, 140)
    const fork = text.fork()
    fork.rewind(128)
    expect(append(made, fork, 1).copies).toEqual([])
    expect(made.usage().caches[1].used).toBe(3)
  })
})

describe('appending', () => {
  it('allocates nothing until a page begins', () => {
    const made = small()
    const text = made.sequence()
    const step = made.placement(200, 1)
    text.append(step, 129)
    /** Bytes that 120 appends leave. Collected garbage makes it less, so the least of some tries is no accident. */
    const left = (): number => {
      text.rewind(129)
      const before = process.memoryUsage().heapUsed
      for (let i = 0; i < 120; i++) {
        step.begin()
        text.append(step, 1)
      }
      return process.memoryUsage().heapUsed - before
    }
    for (let i = 0; i < 300; i++) left()
    const tries = Array.from({ length: 30 }, left).filter((bytes) => bytes >= 0)
    // An object each would be 1,920 bytes or more.
    expect(Math.min(...tries)).toBeLessThan(1000)
  })
})

describe('images', () => {
  it('see all of themselves', () => {
    const made = small()
    const { views } = append(made, made.sequence(), 200, [{ start: 20, end: 190 }])
    const spanOf = (row: number) => [...views[0].spans.subarray(2 * row, 2 * row + 2)]
    expect([19, 20, 189, 190].map(spanOf)).toEqual([
      [0, 20],
      [0, 190],
      [90, 190],
      [91, 191],
    ])
  })

  it.each([
    [[{ start: 0, end: 4 }], 'starts before the step'],
    [[{ start: 6, end: 9 }], 'ends after the step'],
    [[{ start: 6, end: 6 }], 'is empty'],
    [
      [
        { start: 5, end: 8 },
        { start: 5, end: 8 },
      ],
      'overlaps another',
    ],
    [[{ start: NaN, end: 8 }], 'is not a number'],
  ])('are refused when one %o %s', (blocks) => {
    const made = small()
    const text = made.sequence()
    append(made, text, 4)
    expect(() => append(made, text, 4, blocks)).toThrow(coded('block'))
    expect(text.length).toBe(4)
  })

  it('are not cut by a rewind', () => {
    const made = small()
    const text = made.sequence()
    append(made, text, 8, [{ start: 2, end: 6 }])
    expect(() => text.rewind(3)).toThrow(coded('block'))
    text.rewind(6)
    expect(text.blocks).toEqual([{ start: 2, end: 6 }])
    text.rewind(2)
    expect(text.blocks).toEqual([])
    expect(text.canRewind(1)).toBe(true)
  })
})

describe('a sequence', () => {
  it('goes back by the slack, and not past the window', () => {
    const made = small()
    const text = made.sequence()
    for (let i = 0; i < 5; i++) append(made, text, 200)
    expect([text.canRewind(750), text.canRewind(738)]).toEqual([true, false])
    expect(() => text.rewind(738)).toThrow(coded('rewound-past-window'))
    expect(text.length).toBe(1000)
    text.rewind(750)
    text.rewind(0)
    expect(append(made, text, 1).positions[0]).toBe(0)
  })

  it.each([-1, 9, 1.5, NaN])('does not go back to a length of %s', (to) => {
    const made = small()
    const text = made.sequence()
    append(made, text, 8)
    expect(text.canRewind(to)).toBe(false)
    expect(() => text.rewind(to)).toThrow(coded('length'))
  })

  it.each([0, -1, 201, 0.5, NaN])('refuses a step of %s rows', (count) => {
    const made = small()
    expect(() => append(made, made.sequence(), count)).toThrow(coded('step'))
  })

  it('says how many positions the context lacks', () => {
    const made = small()
    const text = made.sequence()
    for (let i = 0; i < 5; i++) append(made, text, 199)
    expect(text.remaining).toBe(5)
    expect(() => append(made, text, 12)).toThrow(/7 of 12 more positions do not fit: 995 of 1000/)
  })

  it('refuses everything after it was dropped, but to be dropped again', () => {
    const made = small()
    const text = made.sequence()
    append(made, text, 3)
    text.drop()
    text.drop()
    const uses = [
      () => append(made, text, 1),
      () => text.rewind(0),
      () => text.reset(),
      () => text.fork(),
      () => text.pagesIn(0),
      () => text.state(),
      () => text.shift(0, 128),
    ]
    for (const use of uses) expect(use).toThrow(coded('dropped'))
  })
})
