import { describe, expect, it } from 'vitest'
import { pool } from './pool.js'
import type { SequenceState } from './state.js'

const made = pool({ caches: [{ window: 100, pages: 20 }, { pages: 20 }], context: 1000, maxRows: 300 })

const state: SequenceState = {
  length: 600,
  blocks: [{ start: 10, end: 20 }],
  wasShifted: false,
  caches: [
    { first: 3, count: 2, floor: 0 },
    { first: 0, count: 5, floor: 0 },
  ],
}
const [local, global] = state.caches

describe('a state', () => {
  it('makes the text again', () => {
    const text = made.sequence(state)
    expect(text.state()).toEqual(state)
    expect([text.pagesIn(0).length, text.pagesIn(1).length]).toEqual([2, 5])
    expect([text.canRewind(484), text.canRewind(482)]).toEqual([true, false])
    text.drop()
    expect(made.usage().caches.map(({ used }) => used)).toEqual([0, 0])
  })

  it.each<[string, Partial<SequenceState>]>([
    ['a length beyond the context', { length: 1001 }],
    ['a length that is none', { length: NaN }],
    ['another number of caches', { caches: [local] }],
    ['an image beyond its end', { blocks: [{ start: 590, end: 601 }] }],
    ['images out of order', { blocks: [{ start: 30, end: 40 }, { start: 10, end: 20 }] }],
    ['a page too few', { caches: [{ ...local, count: 1 }, global] }],
    ['fewer pages than the window sees', { caches: [{ first: 4, count: 1, floor: 0 }, global] }],
    ['a page that is missing where all is seen', { caches: [local, { first: 1, count: 4, floor: 0 }] }],
    ['a floor where all is seen', { caches: [local, { ...global, floor: 128 }] }],
    ['a floor beyond its end', { caches: [{ first: 5, count: 0, floor: 601 }, global] }],
    ['numbers that are none', { caches: [{ ...local, first: -1 }, global] }],
  ])('is refused with %s', (_, change) => {
    expect(() => made.sequence({ ...state, ...change })).toThrow(expect.objectContaining({ code: 'kv-cache/state' }))
    expect(made.usage().caches.map(({ used }) => used)).toEqual([0, 0])
  })
})
