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

/** The faster of two: other work on the machine only ever adds. */
function milliseconds(act: () => void): number {
  return Math.min(...[0, 1].map(() => {
    const started = performance.now()
    act()
    return performance.now() - started
  }))
}

const SMALL = 1 << 16
const LARGE = 1 << 20

it.each(HARD)('stays linear on %s', (_, text) => {
  const [small, large] = [text(SMALL), text(LARGE)]
  for (const tokenizer of [gemmaFromGguf(), gemmaFromJson()]) {
    const per = milliseconds(() => tokenizer.encode(small)) / SMALL
    const perLarge = milliseconds(() => tokenizer.encode(large)) / LARGE
    // Quadratic time would make a character cost 16 times as much. What outgrows the processor's caches costs up to four
    // times as much, and a busy machine adds to that. Under 30 ns is quick whatever the ratio.
    expect(perLarge).toBeLessThan(Math.max(8 * per, 30e-6))
    expect(perLarge).toBeLessThan(3e-3)
  }
})
