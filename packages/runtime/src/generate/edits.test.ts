import { reference, type Backend } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { constraints } from '../grammar/constraint.js'
import { compileRegex } from '../grammar/regex/grammar.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { goldens } from '../testing/tiny-random.js'
import { loadModel } from './load.js'
import type { Model } from './model.js'
import type { GenerateOptions } from './options.js'
import type { TokenLogProbabilities } from './logprobs.js'

const PROMPT = Int32Array.from(goldens().prompts.text_long.ids)

const load = (backend: Backend): Promise<Model> =>
  loadModel({ source: fixtureBytes('tiny-random/tiny-text-f32.gguf'), backend, context: 128, maxRows: 64 })

/** Logits are edited where the model runs, or here once they are read. */
const NEAR: readonly (readonly [string, (backend: Backend) => Backend])[] = [
  ['where the model runs', (backend) => backend],
  ['after they were read', (backend) => ({ ...backend, caps: { ...backend.caps, logitOps: false } })],
]

async function generate(wrap: (backend: Backend) => Backend, options: GenerateOptions) {
  await using backend = reference()
  await using model = await load(wrap(backend))
  const logprobs: (TokenLogProbabilities | undefined)[] = []
  const generation = model.generate(PROMPT, { maxTokens: 16, ...options })
  for await (const chunk of generation) logprobs.push(chunk.logprobs)
  return { ids: (await generation.result()).ids, logprobs }
}

const count = (ids: readonly number[], id: number): number => ids.filter((each) => each === id).length

describe.each(NEAR)('logits edited %s', (_, wrap) => {
  it('a bias brings a token on, and keeps one away', async () => {
    const { ids } = await generate(wrap, { temperature: 0 })
    const wanted = await generate(wrap, { temperature: 0, logitBias: { 77: 100 } })
    expect(wanted.ids).toEqual(new Array(16).fill(77))
    const banned = await generate(wrap, { temperature: 0, logitBias: { [ids[0]]: -Infinity } })
    expect(count(banned.ids, ids[0])).toBe(0)
  })

  it('penalties make repeats rarer', async () => {
    const plain = await generate(wrap, { temperature: 0 })
    expect(new Set(plain.ids).size).toBeLessThan(8)
    const strong: GenerateOptions = { temperature: 0, logitBias: {}, penaltyLast: 1024 }
    for (const options of [{ presencePenalty: 100 }, { frequencyPenalty: 100 }, { repetitionPenalty: 100 }]) {
      const { ids } = await generate(wrap, { ...strong, ...options })
      expect(new Set(ids).size).toBe(16)
      expect(ids.filter((id) => PROMPT.includes(id))).toEqual([])
    }
    const short = await generate(wrap, { temperature: 0, presencePenalty: 100, penaltyLast: 1 })
    expect(short.ids.every((id, n) => id !== short.ids[n - 1])).toBe(true)
  })
})

describe('the same tokens, wherever logits are edited', () => {
  it.each<GenerateOptions>([
    { temperature: 1.3, seed: 1, repetitionPenalty: 1.3, frequencyPenalty: 0.3, presencePenalty: 0.2 },
    { temperature: 2, seed: 2, topK: 20, logitBias: { 5: 3, 6: -2 }, repetitionPenalty: 1.1 },
    { temperature: 0, repetitionPenalty: 1.2, logprobs: 5 },
    { temperature: 1.4, seed: 3, logprobs: 3 },
  ])('%o', async (options) => {
    const [near, far] = [await generate(NEAR[0][1], options), await generate(NEAR[1][1], options)]
    expect(far.ids).toEqual(near.ids)
    if (options.temperature !== 0) expect(new Set(near.ids).size).toBeGreaterThan(3)
    for (const [n, found] of near.logprobs.entries()) {
      const other = far.logprobs[n]
      expect(found?.top.map(({ id }) => id)).toEqual(other?.top.map(({ id }) => id))
      expect(found?.id).toBe(other?.id)
      if (found && other) expect(found.logprob).toBeCloseTo(other.logprob, 4)
    }
  })

  it('under a constraint', async () => {
    const found = await Promise.all(
      NEAR.map(async ([, wrap]) => {
        await using backend = reference()
        await using model = await load(wrap(backend))
        const { start } = constraints(compileRegex('[a-z ]{20}'), model.vocabulary())
        return await model.generate(PROMPT, { temperature: 1, seed: 6, constraint: start(), logprobs: 2 }).result()
      }),
    )
    expect(found[1].ids).toEqual(found[0].ids)
    expect(found[0].text).toMatch(/^[a-z ]{20}$/)
  })
})

describe('log-probabilities', () => {
  it.each(NEAR)('are those of the logits, before anything is done to them, %s', async (_, wrap) => {
    const { ids, logprobs } = await generate(wrap, {
      temperature: 0.7,
      seed: 9,
      presencePenalty: 1,
      maxTokens: 4,
      logprobs: 20,
    })
    await using model = await load(reference())
    for (const [n, id] of ids.entries()) {
      const logits = Array.from(await model.logits(Int32Array.of(...PROMPT, ...ids.slice(0, n))))
      const sum = Math.log(logits.reduce((all, logit) => all + Math.exp(logit), 0))
      const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a])
      const found = logprobs[n] ?? expect.fail('no log-probabilities')
      expect(found.id).toBe(id)
      expect(found.logprob).toBeCloseTo(logits[id] - sum, 4)
      expect(found.top.map((each) => each.id)).toEqual(order.slice(0, 20))
      for (const each of found.top) expect(each.logprob).toBeCloseTo(logits[each.id] - sum, 4)
    }
  })

  it('are not there unless asked for, and asked for within bounds', async () => {
    const { logprobs } = await generate(NEAR[0][1], { temperature: 0, maxTokens: 2 })
    expect(logprobs).toEqual([undefined, undefined])
    const { logprobs: none } = await generate(NEAR[0][1], { temperature: 0, maxTokens: 1, logprobs: 0 })
    expect(none[0]?.top).toEqual([])
    for (const wrong of [-1, 21, 0.5]) {
      await expect(generate(NEAR[0][1], { logprobs: wrong })).rejects.toMatchObject({ code: 'generate/bad-option' })
    }
  })
})
