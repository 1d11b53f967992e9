import { describe, expect, it } from 'vitest'
import { drawPlace, drawWeight, fractionOf, packDraw, unpackDraw, type DrawRule } from './draw.js'

const ALL: DrawRule = { temperature: 1, topK: 64, topP: 1, minP: 0 }

const place = (values: readonly number[], rule: DrawRule, random: number): number => {
  const words = new Int32Array(4)
  packDraw(rule, random, words)
  const draw = unpackDraw(words, 0)
  return drawPlace(Float32Array.from(values), Math.min(values.length, draw.topK), draw)
}

describe('weights', () => {
  it('are the exponential, to a part in 2^22 of the largest', () => {
    for (let distance = 0; distance < 20; distance += 0.0137) {
      const value = Math.fround(-distance)
      expect(Math.abs(drawWeight(0, value) / 2 ** 24 - Math.exp(value))).toBeLessThan(
        2 ** -20 * Math.exp(value) + 2 ** -23,
      )
    }
    expect(drawWeight(3, 3)).toBe(2 ** 24)
    expect(drawWeight(1e30, -1e30)).toBe(0)
  })

  it('fractions are rounded down, for large totals too', () => {
    for (const total of [0, 1, 12345678, 2 ** 32 - 1, 2 ** 42 + 12345]) {
      for (const fraction of [0, 1, 2 ** 31, 2 ** 32 - 1]) {
        expect(BigInt(fractionOf(total, fraction))).toBe((BigInt(total) * BigInt(fraction)) >> 32n)
      }
    }
  })
})

describe('a draw', () => {
  it('walks from the likeliest down', () => {
    const even = [0, 0, 0, 0]
    expect([0, 2 ** 30 - 1, 2 ** 30, 2 ** 31, 2 ** 32 - 1].map((word) => place(even, ALL, word))).toEqual([
      0, 0, 1, 2, 3,
    ])
  })

  it('stays within top-k, top-p and min-p', () => {
    const halves = [0, -1, -2, -3, -4].map((n) => n * Math.LN2)
    const last = (rule: Partial<DrawRule>): number => place(halves, { ...ALL, ...rule }, 2 ** 32 - 1)
    expect(last({})).toBe(4)
    expect(last({ topK: 2 })).toBe(1)
    expect(last({ topP: 0.5 })).toBe(0)
    expect(last({ topP: 0.6 })).toBe(1)
    expect(last({ topP: 0.99 })).toBe(4)
    expect(last({ minP: 0.2 })).toBe(2)
    expect(last({ minP: 0.999 })).toBe(0)
    expect(last({ temperature: 0 })).toBe(0)
    expect(last({ temperature: 1e-30 })).toBe(0)
    expect(last({ temperature: 1e30 })).toBe(4)
  })
})
