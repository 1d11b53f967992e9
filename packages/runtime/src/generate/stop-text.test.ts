import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { stopText } from './stop-text.js'

/** Feeds pieces and returns all that came out. */
function run(stops: string[], pieces: string[]): { text: string; found: boolean } {
  const stop = stopText(stops)
  let text = ''
  for (const piece of pieces) text += stop.push(piece)
  return { text: text + stop.end(), found: stop.found }
}

describe('stopText', () => {
  it('finds a stop string across pieces and emits nothing of it', () => {
    expect(run(['END'], ['a E', 'N', 'D b'])).toEqual({ text: 'a ', found: true })
    expect(run(['\n\n'], ['one\n', 'two\n', '\nthree'])).toEqual({ text: 'one\ntwo', found: true })
  })

  it('takes the stop string that begins first', () => {
    expect(run(['cd', 'b'], ['abcd'])).toEqual({ text: 'a', found: true })
  })

  it('gives back what only began like one', () => {
    expect(run(['aab'], ['aaa', 'aa'])).toEqual({ text: 'aaaaa', found: false })
  })

  it('holds back no more than it must', () => {
    const stop = stopText(['xyz'])
    expect(stop.push('abxy')).toBe('ab')
    expect(stop.push('q')).toBe('xyq')
  })

  it('equals a search in the whole text, wherever it is cut', () => {
    const word = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(fc.array(word, { maxLength: 3 }), fc.array(word, { maxLength: 12 }), (stops, pieces) => {
        const whole = pieces.join('')
        const starts = stops.map((stop) => whole.indexOf(stop)).filter((at) => at >= 0)
        const expected = starts.length ? whole.slice(0, Math.min(...starts)) : whole
        const { text, found } = run(stops, pieces)
        // In pieces the stop string that is whole first wins; one that began earlier but ends later cannot be waited
        // for.
        expect(found).toBe(starts.length > 0)
        expect(whole.startsWith(text)).toBe(true)
        expect(text.length).toBeGreaterThanOrEqual(expected.length)
        for (const stop of stops) expect(text.includes(stop)).toBe(false)
      }),
    )
  })
})
