import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pool } from './pool.js'
import { poolPages, tableEntries, textPages } from './room.js'
import type { Sequence } from './sequence.js'

const full = { context: 32768, maxRows: 512 }
const local = { ...full, window: 512 }

describe('room', () => {
  it('is the whole context where rows see all', () => {
    expect([textPages(full), tableEntries(full), textPages({ ...full, context: 32769 })]).toEqual([256, 256, 257])
  })

  it('is what a window, the slack and a step can touch', () => {
    // 511 + 128 + 512 positions, the first of them the last of its page
    expect(textPages(local)).toBe(10)
    expect(textPages(local, 0)).toBe(9)
    expect(tableEntries(local)).toBe(9)
    expect(tableEntries({ ...local, maxRows: 2 })).toBe(5)
    expect(tableEntries({ ...local, window: 1, maxRows: 1 })).toBe(1)
    expect(tableEntries({ ...local, context: 300 })).toBe(3)
  })

  it('is for checkpoints a window without a step, or a page', () => {
    expect(poolPages({ ...local, sequences: 2, checkpoints: 0 })).toBe(20)
    expect(poolPages({ ...local, sequences: 2, checkpoints: 3 })).toBe(20 + 3 * 6)
    expect(poolPages({ ...full, sequences: 2, checkpoints: 3 })).toBe(512 + 3)
  })

  it('suffices for full sequences and checkpoints of them, whatever the steps', () => {
    const step = fc.tuple(fc.nat(1), fc.integer({ min: 1, max: 300 }), fc.boolean())
    const steps = fc.array(step, { size: 'max', maxLength: 60 })
    fc.assert(
      fc.property(steps, fc.constantFrom(1, 100, 129, 513), (steps, window) => {
        const size = { context: 2500, maxRows: 300 }
        const room = { ...size, sequences: 2, checkpoints: 3, slack: 77 }
        const caches = [{ window, pages: poolPages({ ...room, window }) }, { pages: poolPages(room) }]
        const made = pool({ ...size, caches, slack: room.slack })
        const placed = made.placement(300, 1)
        const texts = [made.sequence(), made.sequence()]
        const checkpoints: Sequence[] = []
        for (const [index, count, isKept] of steps) {
          const text = texts[index]
          if (count > text.remaining) continue
          placed.begin()
          text.append(placed, count)
          if (isKept) checkpoints.push(text.fork())
          if (checkpoints.length > 3) checkpoints.shift()?.drop()
        }
      }),
      { numRuns: 300, seed: 13 },
    )
  })

  it.each(['window', 'context', 'maxRows', 'sequences'])('is refused for a %s that is no size', (name) => {
    for (const size of [0, -1, 1.5, NaN, Infinity]) {
      expect(() => poolPages({ ...local, sequences: 1, checkpoints: 0, [name]: size })).toThrow(
        expect.objectContaining({ code: 'kv-cache/size', message: expect.stringContaining(name) }),
      )
    }
  })

  it.each(['slack', 'checkpoints'])('is refused for a %s that is no count', (name) => {
    for (const size of [-1, 1.5, NaN, Infinity]) {
      expect(() => poolPages({ ...local, sequences: 1, checkpoints: 0, [name]: size })).toThrow(
        expect.objectContaining({ code: 'kv-cache/size', message: expect.stringContaining(name) }),
      )
    }
  })
})
