import fc from 'fast-check'
import { expect, it } from 'vitest'
import { constraints } from '../constraint.js'
import { testVocabulary } from '../testing/pieces.js'
import { compileGbnf } from './compile.js'

const PIECES = [
  'root',
  ' ::= ',
  '\n',
  'a',
  'b',
  '"x"',
  '"',
  '[a-c]',
  '[^',
  ']',
  '(',
  ')',
  '|',
  '*',
  '+',
  '?',
  '{2}',
  '{1,900}',
  '.',
  '#',
  '\\',
  ' ',
]

it('takes any text for a grammar in bounded time, or refuses it by name', () => {
  const vocabulary = testVocabulary()
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...PIECES), { maxLength: 30 }), (pieces) => {
      const start = performance.now()
      try {
        constraints(compileGbnf(`root ::= ${pieces.join('')}`), vocabulary)
          .start()
          .mask(new Uint32Array(vocabulary.words))
      } catch (error) {
        expect(error).toMatchObject({
          code: expect.stringMatching(/^grammar\/(bad-grammar|unsupported|too-large|empty)$/),
        })
      }
      expect(performance.now() - start).toBeLessThan(2000)
    }),
    { numRuns: 400, seed: 9 },
  )
})
