import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { automaton } from '../regular/automaton.js'
import { languages } from '../regular/languages.js'
import { regexLanguage } from './compile.js'

const utf8 = new TextEncoder()

/** Whether the language of a regular expression has a text, spelled plainly or as in JSON. */
function finder(source: string, spelling: 'plain' | 'json'): (text: string) => boolean {
  const machine = automaton(languages())
  const language = regexLanguage(machine.languages, source, spelling)
  return (text) =>
    machine.matches(language, utf8.encode(spelling === 'json' ? JSON.stringify(text).slice(1, -1) : text))
}

const PATTERNS = [
  'a',
  '^a',
  'a$',
  '^a$',
  '^a|b$',
  '^(a|b)$',
  '(^a$)|(^b+$)',
  '^a{2,3}$',
  '^(ab?){2}c*$',
  '[^a-c]',
  '^[\\w-]+$',
  '^\\d{2}(-\\d)?$',
  '^(?!ab)[ab]+$',
  '^(?=.*a)(?=.*b).{2,4}$',
  '^a(?!b)',
  '^.*$',
  '^$',
  '',
  'a|^$',
  '^[^"\\\\]*$',
  '"',
  '\\\\',
  '\\n',
  '^\\s+$',
  '\\u00e9',
  '^\\p{L}+$',
  '[\\d-a]',
  '^a+?b*?$',
  'x{,2}',
  '^[\\s\\S]{1,3}$',
  '(?<name>a)b',
  '^\\/\\.$',
  '[\\u{1F600}-\\u{1F64F}]',
  'a$b',
  'b^a',
]

describe('regexLanguage', () => {
  it.each(PATTERNS)('has the texts that RegExp finds %s in', (source) => {
    const oracle = new RegExp(source, /\\u\{|\\p|\\S\]/.test(source) ? 'u' : '')
    const texts = fc.sample(fc.string({ unit: fc.constantFrom(...'aabbc0-/."\\\n é😀\u0001x'), maxLength: 5 }), {
      numRuns: 150,
      seed: 7,
    })
    for (const spelling of ['plain', 'json'] as const) {
      const finds = finder(source, spelling)
      for (const text of [...texts, 'é', '😀', '12', '12-3', '/.'])
        expect([text, finds(text)]).toEqual([text, oracle.test(text)])
    }
  })

  it.each([
    ['(a)\\1', 'grammar/unsupported'],
    ['\\bword', 'grammar/unsupported'],
    ['(?<=a)b', 'grammar/unsupported'],
    ['(?i)a', 'grammar/unsupported'],
    ['(a$)*b', 'grammar/unsupported'],
    ['\\Aa', 'grammar/unsupported'],
    ['(', 'grammar/bad-regex'],
    ['a)', 'grammar/bad-regex'],
    ['[a', 'grammar/bad-regex'],
    ['*a', 'grammar/bad-regex'],
    ['a{3,2}', 'grammar/bad-regex'],
    ['[b-a]', 'grammar/bad-regex'],
    ['\\', 'grammar/bad-regex'],
    ['('.repeat(500), 'grammar/too-large'],
    ['a{200000}', 'grammar/too-large'],
    ['a'.repeat(30_000), 'grammar/too-large'],
  ])('refuses %s with %s', (source, code) => {
    expect(() => regexLanguage(languages(), source, 'plain')).toThrow(expect.objectContaining({ code }))
  })

  it('takes any text for a regular expression in bounded time, or refuses it by name', () => {
    const piece = fc.constantFrom(
      'a',
      'b',
      '(',
      ')',
      '[',
      ']',
      '^',
      '$',
      '|',
      '*',
      '+',
      '?',
      '{2,9}',
      '{1,900}',
      '\\d',
      '.',
      '(?=',
      '(?!',
      '-',
      '\\',
      ',',
    )
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 25 }),
        fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 8 }),
        (pieces, text) => {
          const source = pieces.join('')
          const start = performance.now()
          try {
            const found = finder(source, 'plain')(text)
            expect([source, text, found]).toEqual([source, text, new RegExp(source).test(text)])
          } catch (error) {
            expect(error).toMatchObject({ code: expect.stringMatching(/^grammar\/(unsupported|bad-regex|too-large)$/) })
          }
          expect(performance.now() - start).toBeLessThan(1000)
        },
      ),
      { numRuns: 400, seed: 3 },
    )
  })
})
