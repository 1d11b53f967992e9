import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { constraints } from '../constraint.js'
import { reads, spelled } from '../testing/reading.js'
import { testVocabulary } from '../testing/pieces.js'
import { compileSchema, type SchemaOptions } from './compile.js'

const vocabulary = testVocabulary()

function reader(schema: unknown, options?: SchemaOptions): (text: string) => boolean {
  const { start } = constraints(compileSchema(schema, options), vocabulary)
  return (text) => reads(start(), text)
}

const object = (properties: object, more: object = {}): object => ({
  type: 'object',
  properties,
  additionalProperties: false,
  ...more,
})
const [text, count] = [{ type: 'string' }, { type: 'integer' }]
const linked = object(
  { value: count, next: { anyOf: [{ $ref: '#' }, { type: 'null' }] } },
  { required: ['value', 'next'] },
)

describe('compileSchema', () => {
  it.each<[string, unknown, unknown[], unknown[]]>([
    ['any value', true, [null, 1.5, 'a"\\\n\u0001é😀', [[], {}], { a: { b: [true] } }], []],
    ['types', { type: ['null', 'integer'] }, [null, 5, -12], [1.5, 'a', {}, true]],
    [
      'enum and const',
      { enum: ['a', 1, null, { b: [1, 2] }], not: { const: 1 } },
      ['a', null, { b: [1, 2] }],
      [1, 'b', { b: [1] }],
    ],
    [
      'whole numbers in bounds',
      { type: 'integer', minimum: -3, exclusiveMaximum: 120 },
      [-3, -1, 0, 7, 99, 119],
      [-4, 120, 1000, 1.5],
    ],
    [
      'numbers in bounds',
      { type: 'number', exclusiveMinimum: 0.05, maximum: 1.25 },
      [0.051, 0.1, 1, 1.25, 1.2],
      [0.05, 0.04, 0, -1, 1.26, 1.251, 2, 10],
    ],
    ['negative bounds', { minimum: -10.5, exclusiveMaximum: -2 }, [-10.5, -10, -2.1, 'free'], [-10.6, -2, -1, 0, 3]],
    ['multiples', { type: 'number', multipleOf: 0.25, minimum: 0 }, [0, 0.25, 0.5, 3, 10.75], [0.2, 0.3, 1.1, -1]],
    ['whole multiples', { type: 'integer', multipleOf: 7 }, [0, 7, -14, 700], [1, 8, 10]],
    ['lengths in characters', { type: 'string', minLength: 2, maxLength: 3 }, ['ab', 'é😀', '"\\n'], ['a', 'abcd', '']],
    [
      'patterns',
      { type: 'string', pattern: '^[a-z]+-\\d{2}$', maxLength: 6 },
      ['a-12', 'abc-12'],
      ['abcd-12', '-12', 'a-1'],
    ],
    [
      'formats',
      { type: 'string', format: 'date' },
      ['2024-02-29', '1999-12-31'],
      ['2023-02-29', '2100-02-29', '2024-13-01', 'x'],
    ],
    [
      'members',
      object({ a: text, b: count }, { required: ['b'] }),
      [{ b: 1 }, { a: 'x', b: 2 }],
      [{}, { a: 'x' }, { b: 1, c: 2 }, { b: 'x' }],
    ],
    [
      'other members',
      { properties: { a: count }, additionalProperties: text },
      [{}, { a: 1, z: 'x' }, { aa: 'x', b: '' }],
      [{ a: 'x' }, { b: 1 }],
    ],
    [
      'patterns of names',
      { patternProperties: { '^x': count, y$: { maximum: 5 } }, additionalProperties: false, type: 'object' },
      [{ x: 9, ay: 'x' }, { xy: 3 }],
      [{ a: 1 }, { xy: 7 }, { x: 'a' }],
    ],
    [
      'names',
      { propertyNames: { pattern: '^[a-c]+$' }, required: ['a'], type: 'object' },
      [{ a: 1, bc: 2 }],
      [{ a: 1, d: 2 }, {}],
    ],
    [
      'counts of members',
      { type: 'object', minProperties: 2, maxProperties: 3 },
      [
        { a: 1, b: 2 },
        { a: 1, b: 2, c: 3 },
      ],
      [{ a: 1 }, { a: 1, b: 2, c: 3, d: 4 }],
    ],
    ['items', { type: 'array', items: count, minItems: 1, maxItems: 2 }, [[1], [1, 2]], [[], [1, 2, 3], ['a']]],
    [
      'first items',
      { type: 'array', prefixItems: [count, text], items: false },
      [[], [1], [1, 'a']],
      [
        [1, 2],
        [1, 'a', 1],
      ],
    ],
    [
      'tuples of old drafts',
      { items: [count], additionalItems: text, type: 'array' },
      [[1], [1, 'a', 'b']],
      [['a'], [1, 2]],
    ],
    [
      'items that differ',
      { type: 'array', items: { enum: ['a', 'b', 1] }, uniqueItems: true, minItems: 2 },
      [
        ['a', 'b'],
        [1, 'b', 'a'],
      ],
      [['a', 'a'], ['a']],
    ],
    [
      'items contained',
      { type: 'array', contains: { const: 5 }, maxContains: 1, items: count },
      [[5], [1, 5, 2]],
      [[], [1], [5, 5]],
    ],
    ['anyOf', { anyOf: [count, { type: 'string', maxLength: 1 }] }, [1, 'a', ''], ['ab', null]],
    [
      'allOf',
      { allOf: [object({ a: text, b: text }), { required: ['a'] }, { properties: { a: { maxLength: 1 } } }] },
      [{ a: 'x' }, { a: 'x', b: 'yy' }],
      [{}, { a: 'xx' }, { a: 'x', c: 1 }],
    ],
    [
      'oneOf of types',
      {
        oneOf: [
          { minimum: 2, type: 'integer' },
          { maximum: 4, type: 'integer' },
        ],
      },
      [1, 5],
      [2, 3, 4],
    ],
    [
      'oneOf by a member',
      {
        oneOf: [
          object({ k: { const: 'a' }, v: count }, { required: ['k', 'v'] }),
          object({ k: { const: 'b' }, v: text }, { required: ['k', 'v'] }),
        ],
      },
      [
        { k: 'a', v: 1 },
        { k: 'b', v: 'x' },
      ],
      [{ k: 'a', v: 'x' }, { k: 'b' }],
    ],
    [
      'oneOf by what is required',
      { type: 'object', oneOf: [{ required: ['a'] }, { required: ['b'] }] },
      [{ a: 1 }, { b: 2 }, { a: 1, c: 2 }],
      [{}, { a: 1, b: 1 }],
    ],
    ['not', { not: { type: 'object', required: ['a'] } }, [{}, { b: 1 }, 4, 'x'], [{ a: 1 }]],
    ['if', { if: { type: 'integer' }, then: { minimum: 5 }, else: { type: 'string' } }, [5, 'a'], [4, null, 1.5]],
    ['dependencies', { type: 'object', dependentRequired: { a: ['b'] } }, [{}, { b: 1 }, { a: 1, b: 1 }], [{ a: 1 }]],
    [
      'unevaluated members',
      { allOf: [{ properties: { a: count } }], properties: { b: count }, unevaluatedProperties: false, type: 'object' },
      [{ a: 1, b: 2 }, {}],
      [{ c: 1 }, { a: 1, c: 1 }],
    ],
    [
      'recursion',
      linked,
      [
        { value: 1, next: null },
        { value: 1, next: { value: 2, next: null } },
      ],
      [{ value: 1, next: {} }, { value: 1 }],
    ],
    [
      'references',
      {
        $defs: { a: { $anchor: 'here', ...count }, 'b/c': text },
        type: 'array',
        items: [{ $ref: '#here' }, { $ref: '#/$defs/b~1c' }],
      },
      [[1, 'a']],
      [
        ['a', 'a'],
        [1, 1],
      ],
    ],
    ['bounds as in draft 4', { type: 'integer', minimum: 1, exclusiveMinimum: true }, [2], [1, 0]],
  ])('%s', (_, schema, fits, misfits) => {
    const takes = reader(schema, { order: 'any' })
    for (const value of fits) expect([spelled(value), takes(spelled(value))]).toEqual([spelled(value), true])
    for (const value of misfits) expect([spelled(value), takes(spelled(value))]).toEqual([spelled(value), false])
  })

  it('keeps the order of the schema unless any will do', () => {
    const schema = object({ a: count, b: count, c: count }, { required: ['b'] })
    expect(['{"a": 1, "b": 2}', '{"b": 2, "c": 3}', '{"b": 2, "a": 1}'].map(reader(schema))).toEqual([
      true,
      true,
      false,
    ])
    expect(reader(schema, { order: 'any' })('{"c": 3, "b": 2, "a": 1}')).toBe(true)
  })

  it('spaces values as it is told, and never without end', () => {
    const schema = { type: 'array', items: object({ a: count, b: count }), maxItems: 2 }
    const texts = [
      '[{"a": 1, "b": 2}, {}]',
      '[{"a":1,"b":2},{}]',
      '[\n  {\n    "a": 1,"b": 2 }\n]',
      '[  {}]',
      `[\n${' '.repeat(50)}{}]`,
    ]
    expect(texts.map(reader(schema))).toEqual([true, false, false, false, false])
    expect(texts.map(reader(schema, { whitespace: 'none' }))).toEqual([false, true, false, false, false])
    expect(texts.map(reader(schema, { whitespace: 'free' }))).toEqual([true, true, true, false, false])
  })

  it('gives strings one spelling and ends numbers', () => {
    const takes = reader(true)
    for (const [spelling, fits] of [
      ['"\\n"', true],
      ['"\\u000a"', false],
      ['"\\u0001"', true],
      ['"\\/"', false],
      ['"\\u00e9"', false],
      ['1e5', true],
      ['1.50', true],
      ['1e555', false],
      ['-0', true],
      ['01', false],
      ['1.', false],
      ['9'.repeat(21), false],
      [`0.${'9'.repeat(21)}`, false],
      ['', false],
      [' 1', false],
    ] as const)
      expect([spelling, takes(spelling)]).toEqual([spelling, fits])
  })

  it('takes schemas that convert themselves', () => {
    const takes = reader(z.object({ a: z.string().max(2), b: z.number().int().optional() }))
    expect(['{"a": "xy", "b": 1}', '{"a": "xyz"}', '{"b": 1}', '{"a": "x", "c": 1}'].map(takes)).toEqual([
      true,
      false,
      false,
      false,
    ])
    expect(reader(z.record(z.string(), z.number()))('{"x": 1.5}')).toBe(true)
    const bare = { '~standard': { version: 1, vendor: 'maker', validate: () => ({ value: 1 }) } }
    expect(() => compileSchema(bare)).toThrow(
      expect.objectContaining({ code: 'grammar/bad-schema', message: expect.stringContaining('maker') }),
    )
    expect(reader({ ...bare, toJSONSchema: () => count })('12')).toBe(true)
  })

  it.each<[unknown, string, RegExp]>([
    [object({ a: { type: 'array', uniqueItems: true } }), 'grammar/unsupported', /^uniqueItems at #\/properties\/a /],
    [{ items: { $ref: 'https://else.where/x' } }, 'grammar/unsupported', /^\$ref at #\/items .*else\.where/],
    [{ $ref: '#/$defs/none' }, 'grammar/unsupported', /^\$ref at # /],
    [{ properties: { a: { $dynamicRef: '#x' } } }, 'grammar/unsupported', /^\$dynamicRef at #\/properties\/a /],
    [
      { properties: { a: { pattern: '(a)\\1' } } },
      'grammar/unsupported',
      /^pattern at #\/properties\/a .*back reference/,
    ],
    [{ contains: text, unevaluatedItems: false, type: 'array' }, 'grammar/unsupported', /^unevaluatedItems at #/],
    [{ multipleOf: 0.123456789 }, 'grammar/unsupported', /^multipleOf at # /],
    [{ type: 'strnig' }, 'grammar/bad-schema', /^type at # must be .*strnig/],
    [{ items: { minLength: -1 } }, 'grammar/bad-schema', /^minLength at #\/items /],
    [{ required: 'a' }, 'grammar/bad-schema', /^required at # /],
    [{ anyOf: [] }, 'grammar/bad-schema', /^anyOf at # /],
    ['text', 'grammar/bad-schema', /object or a boolean/],
    [false, 'grammar/empty', /contradicts itself/],
    [{ type: 'integer', minimum: 5, maximum: 4 }, 'grammar/empty', /contradicts itself/],
    [object({ a: { $ref: '#' } }, { required: ['a'] }), 'grammar/empty', /recurs without end/],
  ])('refuses %j with %s', (schema, code, message) => {
    expect(() => compileSchema(schema)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    )
  })
})
