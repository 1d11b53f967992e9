import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { constraints } from '../constraint.js'
import { words } from '../../sampling/random.js'
import { testVocabulary } from '../testing/pieces.js'
import { randomText } from '../testing/reading.js'
import { compileSchema } from './compile.js'

const vocabulary = testVocabulary()
const KEYWORDS = [
  'type',
  'enum',
  'const',
  'properties',
  'required',
  'additionalProperties',
  'patternProperties',
  'propertyNames',
  'items',
  'prefixItems',
  'contains',
  'minItems',
  'maxItems',
  'uniqueItems',
  'minLength',
  'maxLength',
  'pattern',
  'format',
  'minimum',
  'maximum',
  'multipleOf',
  '$ref',
  'allOf',
  'anyOf',
  'oneOf',
  'not',
  'if',
  'then',
  'minProperties',
  'maxProperties',
  'unevaluatedProperties',
  'dependentRequired',
  '$defs',
  '$id',
]
const scalar = fc.oneof(
  fc.constantFrom(
    'string',
    'object',
    'array',
    'integer',
    'a',
    '#',
    '#/$defs/a',
    '^a+$',
    'date',
    '(a|b){2,50}',
    '.*a.*',
    '__proto__',
  ),
  fc.integer({ min: -2, max: 2000 }),
  fc.constantFrom(null, true, false, 0.5, 1e300),
)
/** Keywords that mostly mean something, with values that mostly do not fit. */
const schemas = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    scalar,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.constantFrom(...KEYWORDS, 'a', 'b'), tie('value'), { maxKeys: 5 }),
  ),
})).value

const REFUSED = { code: expect.stringMatching(/^grammar\/(unsupported|bad-schema|too-large|empty)$/) }

describe('hostile schemas', () => {
  it('are compiled or refused by name, and what is compiled never gets stuck', () => {
    fc.assert(
      fc.property(schemas, (schema) => {
        const start = performance.now()
        try {
          const { start: begin } = constraints(compileSchema(schema), vocabulary)
          const next = words(1)
          randomText(begin(), () => next() / 2 ** 32, 60)
        } catch (error) {
          expect(error).toMatchObject(REFUSED)
        }
        expect(performance.now() - start).toBeLessThan(3000)
      }),
      { numRuns: 150, seed: 5 },
    )
  })

  const nested = (depth: number, wrap: (inner: unknown) => unknown): unknown => {
    let schema: unknown = true
    for (let i = 0; i < depth; i++) schema = wrap(schema)
    return schema
  }
  const list = (length: number, item: (i: number) => unknown): unknown[] => Array.from({ length }, (_, i) => item(i))

  it.each<[string, unknown]>([
    ['schemas in schemas', nested(5_000, (items) => ({ items }))],
    ['allOf in allOf', nested(300, (inner) => ({ allOf: [inner, inner] }))],
    ['choices side by side', { allOf: list(40, (i) => ({ anyOf: [{ minimum: i }, { maximum: -i }] })) }],
    [
      'branches that nearly agree',
      { oneOf: list(300, (i) => ({ type: 'object', properties: { a: { not: { const: i } } } })) },
    ],
    [
      'patterns that must hold together',
      { type: 'string', allOf: list(12, (i) => ({ pattern: `(a|b)*${'ab'[i % 2]}(a|b){${8 + i}}$` })) },
    ],
    ['counts in counts', { type: 'string', pattern: '^((a{1,900}b){1,900}c){1,900}$', minLength: 5_000 }],
    [
      'many patterns of names',
      { patternProperties: Object.fromEntries(list(40, (i) => [`a${i}`, true]) as [string, unknown][]) },
    ],
    [
      'references in a circle',
      { $defs: { a: { $ref: '#/$defs/b' }, b: { allOf: [{ $ref: '#/$defs/a' }] } }, $ref: '#/$defs/a' },
    ],
    ['not that contradicts itself', { $defs: { a: { not: { $ref: '#/$defs/a' } } }, $ref: '#/$defs/a' }],
    ['a long enum', { enum: list(20_000, (i) => `value ${i}`) }],
  ])('%s take no more than some seconds', (_, schema) => {
    const start = performance.now()
    try {
      constraints(compileSchema(schema), vocabulary).start().mask(new Uint32Array(vocabulary.words))
    } catch (error) {
      expect(error).toMatchObject(REFUSED)
    }
    expect(performance.now() - start).toBeLessThan(5000)
  })
})
