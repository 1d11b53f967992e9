import { reference, type Backend } from '@g3/backend'
import { cpu } from '@g3/kernels-cpu'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { constraints } from '../grammar/constraint.js'
import { compileRegex } from '../grammar/regex/grammar.js'
import { draftModel, promptLookup, type Drafter } from '../speculate/index.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { goldens } from '../testing/tiny-random.js'
import type { Chunk } from './decode.js'
import { loadModel } from './load.js'
import type { Model } from './model.js'
import type { GenerateOptions, Overflow } from './options.js'

const PROMPT = Int32Array.from(goldens().prompts.text_long.ids)

const load = (backend: Backend, context = 160, sequences = 1): Promise<Model> =>
  loadModel({ source: fixtureBytes('tiny-random/tiny-text-f32.gguf'), backend, context, maxRows: 64, sequences })

/** Knows the text; every so often it is wrong. */
const oracle = (ids: readonly number[], wrong: number): Drafter => ({
  always: true,
  start() {
    let at = 0
    return {
      accept() {
        at++
      },
      propose: (most) => ({
        ids: ids.slice(at, at + most).map((id, n) => ((at + n) % wrong === wrong - 1 ? (id + 1) % 1000 : id)),
        strength: 6,
      }),
    }
  },
})

/** Where the model runs, log-probabilities are rounded to f32. */
const rounded = (chunk: Chunk): unknown =>
  JSON.parse(JSON.stringify(chunk, (key, value) => (key === 'logprob' ? Math.round(value * 1e4) / 1e4 : value)))

async function run(model: Model, prompt: Int32Array, options: GenerateOptions) {
  const chunks: unknown[] = []
  const events: Overflow[] = []
  const generation = model.generate(prompt, { ...options, onOverflow: (event) => events.push(event) })
  for await (const chunk of generation) chunks.push(rounded(chunk))
  const { text, ids, stopReason, promptTokens } = await generation.result()
  return { chunks, events, text, ids, stopReason, promptTokens }
}

/** Counts the passes that read guesses, too. */
function counted(backend: Backend) {
  const found = { checks: 0 }
  const wrapped: Backend = {
    ...backend,
    run(program, step) {
      if (program.label === 'body' && step.rows > 1 && step.rows <= 8) found.checks++
      backend.run(program, step)
    },
  }
  return { found, wrapped }
}

const letters = '[a-z]{4,9}( [a-z]{4,9}){3,9}'

interface Held {
  readonly context?: number
  readonly regex?: string
}

const CASES: [string, GenerateOptions, Held][] = [
  ['greedy', { temperature: 0 }, {}],
  ['drawn', { temperature: 1.5, seed: 7 }, {}],
  ['drawn from all', { temperature: 0.9, topK: 0, topP: 0.9, seed: 8 }, {}],
  ['typical and XTC', { temperature: 1.2, typicalP: 0.9, xtcProbability: 0.5, xtcThreshold: 0.02, seed: 9 }, {}],
  ['penalties and DRY', { temperature: 1.2, repetitionPenalty: 1.2, dryMultiplier: 0.8, dryBreakers: [], seed: 3 }, {}],
  ['greedy with a bias', { temperature: 0, logitBias: { 77: 3, 5: -2 }, presencePenalty: 0.1 }, {}],
  ['log-probabilities', { temperature: 1, logprobs: 4, seed: 5 }, {}],
  ['greedy log-probabilities', { temperature: 0, logprobs: 2 }, {}],
  ['a constraint', { temperature: 1.3, seed: 4 }, { regex: letters }],
  ['a constraint, greedy', { temperature: 0, logprobs: 1 }, { regex: letters }],
  [
    'forced tokens',
    { temperature: 1, seed: 2 },
    { regex: '[ab]{3,6} the answer is [0-9]{2,5} and nothing else [a-z]+' },
  ],
  ['a shift', { temperature: 1.4, seed: 6, overflow: 'shift', keep: 0, maxTokens: 160 }, { context: 256 }],
  ['a full context', { temperature: 1.4, seed: 6, overflow: 'stop', maxTokens: 400 }, { context: 110 }],
]

describe.each<[string, number, () => Backend | Promise<Backend>]>([
  ['the reference', 1, () => reference()],
  ['the CPU', 3, () => cpu({ threads: 1 })],
])('guesses on %s', (_, kinds, open) => {
  it.each(CASES)('leave the text as it is: %s', async (_, options, { context, regex }) => {
    await using backend = await open()
    const { found, wrapped } = counted(backend)
    await using model = await load(wrapped, context)
    const held = (): Partial<GenerateOptions> =>
      regex === undefined ? {} : { constraint: constraints(compileRegex(regex), model.vocabulary()).start() }
    const plain = await run(model, PROMPT, { maxTokens: 24, ...options, ...held() })
    expect(plain.ids.length).toBeGreaterThan(5)
    const drafters = [oracle(plain.ids, 5), oracle(plain.ids, 2), promptLookup({ always: true })]
    for (const speculate of drafters.slice(0, kinds)) {
      const before = found.checks
      expect(await run(model, PROMPT, { maxTokens: 24, ...options, ...held(), speculate })).toEqual(plain)
      if (speculate === drafters[0]) expect(found.checks).toBeGreaterThan(before)
    }
  })
})

describe('guesses', () => {
  it('save steps where they are right', async () => {
    await using backend = await cpu({ threads: 1 })
    const { found, wrapped } = counted(backend)
    await using model = await load(wrapped)
    const plain = await run(model, PROMPT, { maxTokens: 33, temperature: 0 })
    await run(model, PROMPT, { maxTokens: 33, temperature: 0, speculate: oracle(plain.ids, 1e9) })
    // Eight tokens a step; the first is the prompt's.
    expect(found.checks).toBe(4)
  })

  it('leave alone what other texts of the model do meanwhile', async () => {
    await using backend = await cpu({ threads: 1 })
    await using model = await load(backend, 160, 2)
    const options = [
      { temperature: 1.2, seed: 1, maxTokens: 30 },
      { temperature: 0, logprobs: 3, maxTokens: 30 },
    ]
    const plain = await Promise.all(options.map((each) => run(model, PROMPT, each)))
    const guessed = options.map((each, n) => run(model, PROMPT, { ...each, speculate: oracle(plain[n].ids, 4) }))
    expect(await Promise.all(guessed)).toEqual(plain)
  })

  it('of another model leave the text as it is, and are right where it is the same', async () => {
    await using backend = await cpu({ threads: 1 })
    const { found, wrapped } = counted(backend)
    await using model = await load(wrapped)
    await using other = await load(backend)
    const speculate: Drafter = { ...draftModel(other), always: true }
    for (const options of [{ temperature: 0 }, { temperature: 1.5, seed: 3 }]) {
      const plain = await run(model, PROMPT, { maxTokens: 20, ...options })
      const before = found.checks
      expect(await run(model, PROMPT, { maxTokens: 20, ...options, speculate })).toEqual(plain)
      if (options.temperature === 0) expect(found.checks - before).toBeLessThanOrEqual(4)
    }
  })

  it('end with the text: stop texts, aborts, and what the next prompt reuses', async () => {
    await using backend = await cpu({ threads: 1 })
    await using model = await load(backend)
    const plain = await run(model, PROMPT, { maxTokens: 30, temperature: 0 })
    const speculate = oracle(plain.ids, 6)
    const stop = [plain.ids[9]]
    const ended = await run(model, PROMPT, { maxTokens: 30, temperature: 0, stop })
    expect(await run(model, PROMPT, { maxTokens: 30, temperature: 0, stop, speculate })).toEqual(ended)
    const aborting = new AbortController()
    const ids: number[] = []
    for await (const { id } of model.generate(PROMPT, { temperature: 0, speculate, signal: aborting.signal })) {
      if (id !== undefined && ids.push(id) === 5) aborting.abort()
    }
    expect(ids).toEqual(plain.ids.slice(0, 5))
    const whole = Int32Array.of(...PROMPT, ...plain.ids.slice(0, 5))
    const next = await run(model, whole, { maxTokens: 8, temperature: 0 })
    expect(next.ids).toEqual(plain.ids.slice(5, 13))
  })
})

describe('promptLookup', () => {
  it('goes on as the text did where it last had the most tokens in common', () => {
    const text = promptLookup().start(Int32Array.of(1, 2, 3, 4, 9, 2, 3, 5, 9, 1, 2))
    expect(text.propose(4)).toEqual({ ids: [3, 4, 9, 2], strength: 2 })
    text.accept(3)
    expect(text.propose(2)).toEqual({ ids: [4, 9], strength: 3 })
    text.accept(8)
    expect(text.propose(2)).toEqual({ ids: [], strength: 0 })
  })

  it('goes round in what repeats, and never guesses an image', () => {
    expect(
      promptLookup()
        .start(Int32Array.of(5, 6, 7, 5, 6))
        .propose(7),
    ).toEqual({ ids: [7, 5, 6, 7, 5, 6, 7], strength: 2 })
    expect(
      promptLookup()
        .start(Int32Array.of(5, 6, -1, -2, 5, 6))
        .propose(7),
    ).toEqual({ ids: [], strength: 2 })
  })

  it('finds the longest match, whatever the text', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 2, maxLength: 40 }), (ids) => {
        const found = promptLookup({ places: 4096 }).start(Int32Array.from(ids)).propose(1)
        const draft = found instanceof Promise ? undefined : found
        let longest = 0
        for (let end = 1; end < ids.length - 1; end++) {
          let length = 0
          while (length <= end && ids[end - length] === ids[ids.length - 1 - length]) length++
          longest = Math.max(longest, Math.min(length, 32))
        }
        expect(draft?.strength ?? -1).toBe(longest < 2 ? 0 : longest)
      }),
    )
  })

  it('refuses what it cannot do', () => {
    for (const options of [{ least: 1 }, { least: 40 }, { places: 0 }]) {
      expect(() => promptLookup(options)).toThrow(expect.objectContaining({ code: 'speculate/bad-option' }))
    }
  })
})
