import { Ajv } from 'ajv'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { constraints, type Constraint } from '../grammar/constraint.js'
import { testVocabulary } from '../grammar/testing/pieces.js'
import { randomText, reads } from '../grammar/testing/reading.js'
import { words } from '../sampling/random.js'
import { readCalls } from './calls.js'
import { spellCalls, TOOL_FORMS, type ToolForm } from './form.js'
import { toolGrammar, type ToolGrammarOptions } from './grammar.js'
import type { Tool } from './tool.js'
import { toolset } from './toolset.js'

const TOOLS: readonly Tool[] = [
  {
    name: 'get_weather',
    description: 'the weather',
    parameters: {
      type: 'object',
      properties: {
        city: { type: 'string', maxLength: 12 },
        days: { type: 'integer', minimum: 1, maximum: 14 },
        unit: { enum: ['C', 'F', null, true] },
        where: { $ref: '#/$defs/place' },
      },
      required: ['city', 'days'],
      $defs: { place: { type: 'object', properties: { lat: { type: 'number' }, near: { $ref: '#/$defs/place' } } } },
    },
  },
  { name: 'now' },
  { name: 'note', parameters: z.object({ tags: z.array(z.enum(['a', 'b'])).max(3), done: z.boolean() }) },
]

/** `G3_RANDOM_RUNS=1000` makes more of them. */
const RUNS = Number(process.env.G3_RANDOM_RUNS ?? 12)

const vocabulary = testVocabulary()
const start = (options?: ToolGrammarOptions): Constraint => constraints(toolGrammar(TOOLS, options), vocabulary).start()
const fractions = (seed: number): (() => number) => {
  const next = words(seed)
  return () => next() / 2 ** 32
}

const known = toolset(TOOLS)
const validate = new Ajv({ strict: false }).compile(TOOLS[0].parameters as object)

/** The calls of a text, each of which fits its schema, or it throws. */
async function checkedCalls(text: string) {
  const events = readCalls(text, TOOLS)
  const calls = events.flatMap((event) => (event.type === 'call' ? [event.call] : []))
  for (const call of calls) {
    if (call.name === 'get_weather')
      expect([text, validate(call.arguments), validate.errors]).toEqual([text, true, null])
    await known.check(call)
  }
  return { calls, errors: events.filter(({ type }) => type === 'call-error').length, events }
}

describe.each(TOOL_FORMS)('calls as %s', (form: ToolForm) => {
  it('are all that is said where one is required, and fit their schemas, however random', async () => {
    let whole = 0
    for (let seed = 0; seed < RUNS; seed++) {
      const text = randomText(start({ form, choice: 'required', maxCalls: 3 }), fractions(seed), 400)
      if (text === undefined) continue
      whole++
      const { calls, errors, events } = await checkedCalls(text)
      expect([text, errors, events.some(({ type }) => type === 'text')]).toEqual([text, 0, false])
      expect(calls.length).toBeGreaterThanOrEqual(1)
      expect(calls.length).toBeLessThanOrEqual(3)
    }
    expect(whole).toBeGreaterThan(RUNS / 2)
  })

  it('are of the tool that was chosen', async () => {
    for (let seed = 0; seed < RUNS / 3; seed++) {
      const text = randomText(start({ form, choice: { name: 'note' } }), fractions(seed), 400) ?? ''
      for (const { name } of (await checkedCalls(text)).calls) expect(name).toBe('note')
    }
  })

  it('are read as they are spelled', () => {
    const calls = [
      { name: 'get_weather', arguments: { city: 'Zürich "x"\n', days: 3, unit: null, where: { lat: 1.5, near: {} } } },
      { name: 'note', arguments: { tags: ['a', 'b'], done: true } },
    ]
    expect(reads(start({ form }), spellCalls(calls, form))).toBe(true)
    expect(reads(start({ form }), `Let me see.\n${spellCalls(calls.slice(0, 1), form)}`)).toBe(true)
    expect(reads(start({ form, maxCalls: 1 }), spellCalls(calls, form))).toBe(false)
    expect(reads(start({ form, choice: 'none' }), spellCalls(calls, form))).toBe(false)
    const wrong = [{ name: 'get_weather', arguments: { city: 'Paris', days: 15 } }]
    expect(reads(start({ form }), spellCalls(wrong, form))).toBe(false)
  })

  it('cannot be told where they are not wanted, but text can', () => {
    for (const choice of ['auto', 'none'] as const)
      expect(reads(start({ form, choice }), 'It is [fine]: {"name": "Peter"} `now` {} now (today)')).toBe(true)
    expect(reads(start({ form, choice: 'required' }), 'It is fine')).toBe(false)
  })
})

describe('whatever a constraint lets by', () => {
  const PIECES = [
    'text ',
    '{',
    '"name"',
    ': ',
    ':',
    '"',
    'now',
    'note',
    'get_weather',
    '(',
    ')',
    '[',
    ']',
    '}',
    '```',
    'tool_code',
    'json',
    '\n',
    '{"name": "',
    '", "parameters": {',
    '"parameters"',
    '"arguments"',
    '[now(',
    '```tool_code\n',
    '```tool_calls\n',
    'days=99',
    '"city": 1',
    ' ',
    ',',
  ]
  it.each(TOOL_FORMS)('has no call whose arguments do not fit: %s', async (form) => {
    const { start } = constraints(toolGrammar(TOOLS, { form }), vocabulary)
    const utf8 = new TextEncoder()
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }), fc.nat(), async (pieces, seed) => {
        const constraint = start()
        let said = ''
        for (const byte of utf8.encode(pieces.join(''))) {
          if (!constraint.allows(byte + 1)) continue
          constraint.accept(byte + 1)
          said += String.fromCharCode(byte)
        }
        const rest = constraint.isComplete() ? '' : randomText(constraint, fractions(seed), 200)
        if (rest !== undefined) await checkedCalls(said + rest)
      }),
      { numRuns: 2 * RUNS },
    )
  })
})

it.each(TOOL_FORMS)('masks of free text are what the constraint allows, token by token: %s', (form) => {
  const mask = new Uint32Array(vocabulary.words)
  for (const choice of ['auto', 'none'] as const) {
    const constraint = start({ form, choice })
    for (const byte of new TextEncoder().encode(' now [x{ "name" : {"name": "nope", [ ``` [no é {"name": "not')) {
      constraint.mask(mask)
      const said = Array.from({ length: vocabulary.size }, (_, id) => ((mask[id >> 5] >>> (id & 31)) & 1) === 1)
      expect(said).toEqual(said.map((_, id) => constraint.allows(id)))
      if (constraint.allows(byte + 1)) constraint.accept(byte + 1)
    }
  }
})

describe('tools that cannot be used', () => {
  const code = (make: () => unknown): unknown => {
    try {
      make()
    } catch (error) {
      return error instanceof Error && 'code' in error ? error.code : error
    }
    return undefined
  }
  it.each([
    ['a name with spaces', [{ name: 'a b' }], {}, 'tools/bad-tool'],
    ['two of one name', [{ name: 'a' }, { name: 'a' }], {}, 'tools/bad-tool'],
    ['parameters of no object', [{ name: 'a', parameters: { type: 'string' } }], {}, 'tools/bad-tool'],
    ['no name in Python', [{ name: 'a-b' }], { form: 'python' }, 'tools/bad-form'],
    [
      'a parameter that is none',
      [{ name: 'a', parameters: { properties: { 'x-y': {} } } }],
      { form: 'tool_code' },
      'tools/bad-form',
    ],
    ['a choice of none', [], { choice: 'required' }, 'tools/bad-choice'],
    ['a choice that is not there', [{ name: 'a' }], { choice: { name: 'b' } }, 'tools/bad-choice'],
    ['too many calls', [{ name: 'a' }], { maxCalls: 0 }, 'tools/bad-choice'],
    [
      'what no constraint can hold',
      [{ name: 'a', parameters: { properties: { b: { $dynamicRef: '#x' } } } }],
      {},
      'grammar/unsupported',
    ],
  ] as const)('%s', (_, tools, options, wanted) => {
    expect(code(() => toolGrammar(tools, options))).toBe(wanted)
  })
})
