import { describe, expect, it } from 'vitest'
import type { Block } from './blocks.js'
import { pool, type Pool } from './pool.js'
import type { Sequence } from './sequence.js'

const coded = (code: string) => expect.objectContaining({ code: `kv-cache/${code}` })

const small = (pages = 30): Pool =>
  pool({ caches: [{ window: 200, pages }, { pages }], context: 2000, maxRows: 700, slack: 50 })

/** A text of `length` positions, appended in steps of up to 700. */
function textOf(made: Pool, length: number, blocks: readonly Block[] = []): Sequence {
  const text = made.sequence()
  const step = made.placement(700, 1)
  for (let at = 0; at < length; at += 700) {
    step.begin()
    const end = Math.min(length, at + 700)
    text.append(
      step,
      end - at,
      blocks.filter(({ start }) => at <= start && start < end),
    )
  }
  return text
}

/** The spans of the next row in both caches. */
function nextSpans(made: Pool, text: Sequence): number[][] {
  const step = made.placement(1, 1)
  text.append(step, 1)
  return step.views.map(({ spans }) => [...spans])
}

describe('a shift', () => {
  it('takes pages out of the middle, and tells the slots of what moves', () => {
    const made = small()
    const text = textOf(made, 650)
    const before = text.pagesIn(1)
    const { kept, dropped, copies, slots } = text.shift(128, 256)
    expect([kept, dropped, text.length, copies]).toEqual([128, 256, 394, []])
    expect(text.pagesIn(1)).toEqual([before[0], ...before.slice(3)])
    expect(slots[1]).toHaveLength(394 - 128)
    expect([slots[1][0], slots[1][265]]).toEqual([before[3] * 128, before[5] * 128 + 9])
    expect(made.usage().caches[1].used).toBe(4)
  })

  it('leaves windows what lies after the cut, which rows do not see across', () => {
    const made = small()
    const text = textOf(made, 650)
    text.shift(128, 256)
    expect(text.state().caches[0]).toEqual({ first: 1, count: 3, floor: 128 })
    // 394 - 199 lies after the cut; a text with less after the cut sees less.
    expect(nextSpans(made, text)[0]).toEqual([195, 395])
    const short = textOf(made, 650)
    short.shift(384, 128)
    expect(nextSpans(made, short)).toEqual([
      [384, 523],
      [0, 523],
    ])
  })

  it('counts the highest of several cuts', () => {
    const made = small()
    const text = textOf(made, 1300)
    text.shift(1024, 128)
    text.shift(128, 128)
    expect(text.state().caches[0].floor).toBe(1024 - 128)
    text.shift(128, 896)
    expect(text.state().caches[0].floor).toBe(128)
  })

  it('cannot be undone by a rewind, but by a reset', () => {
    const made = small()
    const text = textOf(made, 650)
    text.shift(384, 128)
    expect([text.canRewind(385), text.canRewind(384), text.canRewind(100)]).toEqual([true, false, false])
    expect(text.wasShifted).toBe(true)
    expect([text.fork().wasShifted, text.state().wasShifted]).toEqual([true, true])
    text.reset()
    expect([text.wasShifted, text.state().caches[0].floor]).toEqual([false, 0])
  })

  it('copies the pages that another text holds, too, before their keys are rotated', () => {
    const made = small()
    const text = textOf(made, 650)
    const fork = text.fork()
    const before = text.pagesIn(1)
    const { copies } = text.shift(0, 384)
    const moved = text.pagesIn(1)
    expect(copies.filter(({ cache }) => cache === 1)).toEqual(
      moved.map((to, i) => ({ cache: 1, from: before[3 + i], to })),
    )
    expect(fork.pagesIn(1)).toEqual(before)
    fork.drop()
    text.drop()
    expect(made.usage().caches.map(({ used }) => used)).toEqual([0, 0])
  })

  it('changes nothing when there are no pages for copies', () => {
    const made = small(7)
    const text = textOf(made, 650)
    const fork = text.fork()
    const before = [text.state(), text.pagesIn(0), text.pagesIn(1), made.usage()]
    expect(() => text.shift(0, 384)).toThrow(coded('out-of-pages'))
    expect([text.state(), text.pagesIn(0), text.pagesIn(1), made.usage()]).toEqual(before)
    fork.drop()
    expect(text.shift(0, 384).copies).toEqual([])
  })

  it('keeps images whole: more is kept, and more is dropped', () => {
    const made = small()
    const images = [
      { start: 100, end: 140 },
      { start: 300, end: 420 },
      { start: 600, end: 620 },
    ]
    const text = textOf(made, 650, images)
    const { kept, dropped } = text.shift(128, 128)
    expect([kept, dropped]).toEqual([256, 256])
    expect(text.blocks).toEqual([
      { start: 100, end: 140 },
      { start: 600 - 256, end: 620 - 256 },
    ])
  })

  it.each([
    [1, 128],
    [0, 0],
    [0, 100],
    [-128, 128],
    [NaN, 128],
    [0, Infinity],
  ])('refuses to keep %s and drop %s: these are no pages', (keep, drop) => {
    expect(() => textOf(small(), 300).shift(keep, drop)).toThrow(coded('shift'))
  })

  it.each([
    [0, 384],
    [256, 128],
    [1024, 128],
  ])('refuses to keep %s and drop %s of 384: nothing would be left', (keep, drop) => {
    const text = textOf(small(), 384)
    expect(() => text.shift(keep, drop)).toThrow(coded('shift'))
    expect(text.length).toBe(384)
  })
})
