import { describe, expect, it } from 'vitest'
import { poolPages, tableEntries, textPages } from './room.js'

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
