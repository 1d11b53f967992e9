import { describe, expect, it } from 'vitest'
import { constraints } from '../constraint.js'
import { words } from '../../sampling/random.js'
import { testVocabulary } from '../testing/pieces.js'
import { randomText } from '../testing/reading.js'
import { realSchemas, validator } from '../testing/real-schemas.js'
import { compileSchema } from './compile.js'

/** Numbers from 0 to below 1. */
function fractions(seed: number): () => number {
  const next = words(seed)
  return () => next() / 2 ** 32
}

/** `G3_RANDOM_RUNS=20` makes a thousand of them. */
const RUNS = Number(process.env.G3_RANDOM_RUNS ?? 4)
const MOST_TOKENS = 3_000

describe('random texts under real schemas', () => {
  const schemas = realSchemas()
  const vocabulary = testVocabulary()

  it('are at least 50', () => expect(schemas.length).toBeGreaterThanOrEqual(50))

  it.each(schemas)('%s: all parse, validate, and none is stuck', (_, schema) => {
    const validate = validator(schema)
    const { start } = constraints(compileSchema(schema), vocabulary)
    let whole = 0
    for (let seed = 0; seed < RUNS; seed++) {
      const text = randomText(start(), fractions(seed), MOST_TOKENS)
      if (text === undefined) continue
      whole++
      expect([text, validate(JSON.parse(text)), validate.errors]).toEqual([text, true, null])
    }
    expect(whole).toBeGreaterThan(0)
  })
})
