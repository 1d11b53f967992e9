import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { constraints, type Constraint } from '../grammar/constraint.js'
import { compileGbnf } from '../grammar/gbnf/compile.js'
import { compileRegex } from '../grammar/regex/grammar.js'
import { testVocabulary } from '../grammar/testing/pieces.js'
import type { Ranking } from '../sampling/top-k.js'
import type { Engine } from './engines.js'
import { engines } from './engines.js'
import { generateObject } from './generate-object.js'
import { generation, type Generation } from './generation.js'
import { parseGenerateOptions, type GenerateOptions } from './options.js'

const vocabulary = testVocabulary()
const PROMPT = Int32Array.of(5, 6, 7)

/** A sequence to which every token is as likely as its id is high, or as low; it tells how tokens came in. */
function ordered(rising: boolean, context = 10_000) {
  const passes: number[] = []
  let length = 0
  const score = (id: number): number => (rising ? id : -id) / 100
  const sequence: Engine['sequence'] = {
    context,
    get length() {
      return length
    },
    get remaining() {
      return context - length
    },
    rankable: 1,
    shared: () => 0,
    reuse() {
      length = 0
      return { reused: 0, branch: 0 }
    },
    keep() {},
    shift: (_, drop) => drop,
    async append(ids) {
      passes.push(ids.length)
      length += ids.length
    },
    step() {
      passes.push(1)
      length++
    },
    reset() {
      length = 0
    },
    pick: async () => (rising ? vocabulary.size - 1 : 0),
    draw: async () => (rising ? vocabulary.size - 1 : 0),
    runsAhead: false,
    vocabulary: vocabulary.size,
    takesEdits: false,
    logSum: () => Promise.reject(new Error('not here')),
    mostRows: 1,
    rowColumns: () => vocabulary.size,
    stepRows: () => Promise.reject(new Error('not here')),
    scores: () => Promise.reject(new Error('not here')),
    follow: () => Promise.reject(new Error('not here')),
    rewind(to) {
      length = to
    },
    async top(into: Ranking) {
      into.ids[0] = rising ? vocabulary.size - 1 : 0
      into.size = 1
      return into
    },
    logits: async (into = new Float32Array(vocabulary.size)) => into.map((_, id) => score(id)),
  }
  return { sequence, passes }
}

const decoder: Engine['tokenizer'] = {
  stream: () => {
    const utf8 = new TextDecoder()
    return { push: (id) => utf8.decode(vocabulary.bytes(id), { stream: true }), end: () => utf8.decode() }
  },
}

function generate(options: GenerateOptions & { constraint: Constraint }, rising = true, context?: number) {
  const { sequence, passes } = ordered(rising, context)
  const pool = engines([{ tokenizer: decoder, sequence, recover: async () => {} }])
  const run: Generation = generation(pool, PROMPT, parseGenerateOptions(options, [0]))
  return { run, passes }
}

const startOf = (source: string): Constraint => constraints(compileRegex(source), vocabulary).start()

describe('generation under a constraint', () => {
  it.each([{ temperature: 0 }, { topK: 1 }, { temperature: 0.5, topK: 0, topP: 1, seed: 4 }])(
    'draws only what is allowed: %o',
    async (options) => {
      const { run } = generate({ ...options, constraint: startOf('[a-f]{3}(x|y)z') })
      const { text, stopReason } = await run.result()
      expect(text).toMatch(/^[a-f]{3}[xy]z$/)
      expect(stopReason).toBe('stop')
    },
  )

  it('takes the likeliest of the allowed tokens, and the end where it is one of them', async () => {
    const high = await generate({ temperature: 0, constraint: startOf('(x|b|aaaaaaaa)+'), maxTokens: 3 }).run.result()
    expect([high.text, high.stopReason]).toEqual(['aaaaaaaa'.repeat(3), 'length'])
    const low = await generate({ temperature: 0, constraint: startOf('ab?') }, false).run.result()
    expect([low.text, low.stopReason]).toEqual(['a', 'stop'])
  })

  it('adds forced tokens in one pass, and streams each of them', async () => {
    const { run, passes } = generate({ temperature: 0, constraint: startOf('[ab]null, true, false[01]') })
    const ids: (number | undefined)[] = []
    for await (const { id } of run) ids.push(id)
    const { text } = await run.result()
    expect(text).toBe('bnull, true, false1')
    expect(ids).toHaveLength(7)
    // The prompt; then the b and the five tokens that follow from it. What comes last is never read.
    expect(passes).toEqual([PROMPT.length, 6])
  })

  it('stops within forced tokens where there is no more room, by tokens or context', async () => {
    const constraint = startOf('[ab]null, true, false[01]')
    const short = await generate({ temperature: 0, maxTokens: 3, constraint: constraint.clone() }).run.result()
    expect([short.text, short.stopReason]).toEqual(['bnull, ', 'length'])
    const full = await generate({ temperature: 0, overflow: 'stop', constraint }, true, 6).run.result()
    expect(full.stopReason).toBe('context')
    expect('bnull, true, false1'.startsWith(full.text)).toBe(true)
  })

  it('recurs with a grammar', async () => {
    const { start } = constraints(compileGbnf('root ::= "(" root? ")"'), vocabulary)
    const { text } = await generate({ temperature: 0, constraint: start() }, true).run.result()
    expect(text).toBe('()')
  })
})

describe('generateObject', () => {
  const model = {
    vocabulary: () => vocabulary,
    generate: (_: unknown, options: GenerateOptions = {}) =>
      generation(
        engines([{ tokenizer: decoder, sequence: ordered(true).sequence, recover: async () => {} }]),
        PROMPT,
        parseGenerateOptions(options, [0]),
      ),
  }

  it('returns a value of the type that a schema says', async () => {
    const schema = z.object({ kind: z.enum(['one', 'two']), count: z.number().int().min(3).max(5) })
    const { object, stopReason } = await generateObject(model, 'prompt', { schema, temperature: 0 })
    const typed: { kind: 'one' | 'two'; count: number } = object
    expect(typed).toEqual({ kind: 'two', count: 5 })
    expect(stopReason).toBe('stop')
    expect((await generateObject(model, 'prompt', { schema: { const: [1, 'a'] } })).object).toEqual([1, 'a'])
  })

  it('says that a value is not whole, or fails checks that no JSON Schema has', async () => {
    const schema = z.enum(['abcdef'])
    await expect(generateObject(model, 'prompt', { schema, maxTokens: 1 })).rejects.toMatchObject({
      code: 'generate/incomplete-object',
    })
    const odd = z
      .number()
      .int()
      .max(4)
      .min(4)
      .refine((value) => value % 2 === 1, 'must be odd')
    await expect(generateObject(model, 'prompt', { schema: odd })).rejects.toMatchObject({
      code: 'generate/invalid-object',
      message: expect.stringContaining('must be odd'),
    })
  })
})
