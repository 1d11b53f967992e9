import { describe, expect, it } from 'vitest'
import { drawWeigher } from './draw-weigher.js'
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

  it('are the same when they are estimated', () => {
    const weigh = drawWeigher()
    let state = 1
    const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
    for (let n = 0; n < 200_000; n++) {
      const [largest, rate] = [40 * random(), Math.fround(0.2 + 3 * random())]
      // Near the largest, where few bits of the series are dropped, as often as far from it.
      const value = largest - 20 * random() ** 3
      if (weigh(largest, value, rate) !== drawWeight(largest, value, rate))
        expect({ largest, value, rate }).toBe('equal')
    }
    // Every step of the table at its ends, and every whole power.
    for (let fraction = 0; fraction < 26 * 2 ** 20; fraction += 255) {
      const value = -fraction / 2 ** 20
      if (weigh(0, value, 1) !== drawWeight(0, value, 1)) expect({ value }).toBe('equal')
    }
    for (const value of [-Infinity, -1e30, NaN, 0]) expect(weigh(0, value)).toBe(drawWeight(0, value))
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
