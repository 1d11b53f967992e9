import { describe, expect, it } from 'vitest'
import { pace } from './pace.js'

/** Plays a text on a machine where a row more costs so many steps; guesses come true with a probability. */
function play({
  rowCost,
  rate,
  strength,
  tokens = 2000,
}: {
  rowCost: number
  rate: number
  strength: number
  tokens?: number
}) {
  const own = pace(7)
  let state = 1
  const random = (): number => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
  let spent = 0
  let checks = 0
  for (let done = 0; done < tokens;) {
    const count = own.wanted() > 0 ? own.count(strength, 7) : 0
    if (count === 0) {
      own.stepped(10, 1, 1)
      const hit = random() < rate
      own.learn(strength, Number(hit), !hit)
      spent += 10
      done++
      continue
    }
    let came = 0
    while (came < count && random() < rate) came++
    const ms = 10 * (1 + rowCost * count)
    own.learn(strength, came, came < count)
    own.stepped(ms, count + 1, came + 1)
    spent += ms
    checks++
    done += came + 1
  }
  return { speed: (10 * tokens) / spent, checks }
}

describe('pace', () => {
  it('makes texts faster where guesses come true', () => {
    expect(play({ rowCost: 0.2, rate: 0.9, strength: 6 }).speed).toBeGreaterThan(1.7)
    expect(play({ rowCost: 0.1, rate: 0.95, strength: 2 }).speed).toBeGreaterThan(2.5)
  })

  it.each([
    { rowCost: 0.2, rate: 0 },
    { rowCost: 0.5, rate: 0.1 },
    { rowCost: 1, rate: 0.8 },
    { rowCost: 1.5, rate: 0.5 },
  ])('costs next to nothing where they do not, or where a row costs a step: %o', ({ rowCost, rate }) => {
    for (const strength of [0, 2, 3, 6]) {
      expect(play({ rowCost, rate, strength }).speed).toBeGreaterThan(0.97)
      expect(play({ rowCost, rate, strength, tokens: 200 }).speed).toBeGreaterThan(0.95)
    }
  })

  it('waits longer and longer with guesses that cost time and are of no use', () => {
    const own = pace(7)
    own.stepped(10, 1, 1)
    let asked = 0
    for (let step = 0; step < 1000; step++) {
      if (own.wanted() > 0) {
        asked++
        own.guessed(20, 7)
        own.count(0, 7)
      }
      own.stepped(10, 1, 1)
    }
    expect(asked).toBeLessThan(12)
  })
})
