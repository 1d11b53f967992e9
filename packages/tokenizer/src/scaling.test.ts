import { expect, it } from 'vitest'
import { gemmaFromGguf, gemmaFromJson } from './testing/gemma.js'

/** Text of `length` UTF-16 units. */
type Text = (length: number) => string

const repeat = (unit: string): Text => (length) => unit.repeat(Math.ceil(length / unit.length)).slice(0, length)

/** A linear congruential generator: noise, the same each time. */
const noise = (from: number, count: number): Text => (length) => {
  let state = 1
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return String.fromCharCode(from + Math.floor((state / 2 ** 32) * count))
  }).join('')
}

const HARD: [string, Text][] = [
  ['one letter', repeat('a')],
  ['spaces', repeat(' ')],
  ['newlines', repeat('\n')],
  ['tabs', repeat('\t')],
  ['U+2581', repeat('\u2581')],
  ['the start of a marker', repeat('<')],
  ['most of a marker', repeat('<start_of_turn')],
  ['two letters in turn', repeat('ab')],
  ['a merge that comes and goes', repeat('aaaaaaaab')],
  ['one long piece of dots', repeat('…')],
  ['letters at random', noise(97, 26)],
  ['two letters at random', noise(97, 2)],
  ['characters at random', noise(0x4e00, 20_000)],
  ['anything at random', noise(0, 0x10000)],
]

/** Fastest of three: other work on the machine only ever adds. */
function milliseconds(act: () => void): number {
  return Math.min(...[0, 1, 2].map(() => {
    const started = performance.now()
    act()
    return performance.now() - started
  }))
}

const SMALL = 1 << 17
const LARGE = 1 << 20

it.each(HARD)('stays linear on %s', (_, text) => {
  for (const tokenizer of [gemmaFromGguf(), gemmaFromJson()]) {
    const [small, large] = [text(SMALL), text(LARGE)]
    const per = milliseconds(() => tokenizer.encode(small)) / SMALL
    const perLarge = milliseconds(() => tokenizer.encode(large)) / LARGE
    // Eight times the text: quadratic time would be eightfold a character. Caches that overflow cost up to a factor of two or
    // three; what takes under 20 ns a character is fast enough whatever the ratio.
    expect(perLarge).toBeLessThan(Math.max(4 * per, 20e-6))
    // Under 3 µs a character in any case.
    expect(perLarge).toBeLessThan(3e-3)
  }
})
