import { reference } from '@g3/backend'
import { afterAll, describe, expect, it } from 'vitest'
import { fixtureBytes } from '../testing/fixtures.js'
import { goldens } from '../testing/tiny-random.js'
import type { GenerationResult } from './generation.js'
import { loadModel } from './load.js'
import type { Model } from './model.js'
import type { GenerateOptions } from './options.js'

const SHORT = Int32Array.from(goldens().prompts.text_short.ids)
const LONG = Int32Array.from(goldens().prompts.text_long.ids)
const OTHER = LONG.toReversed()

const backend = reference()
afterAll(() => backend.dispose())
const load = (sequences: number): Promise<Model> =>
  loadModel({ source: fixtureBytes('tiny-random/tiny-text-f32.gguf'), backend, context: 128, maxRows: 16, sequences })

const sampled = (seed: number): GenerateOptions => ({ temperature: 1.5, seed, maxTokens: 20 })
const greedy: GenerateOptions = { temperature: 0, maxTokens: 20 }

/** What one text after the other gives in a model of its own. */
async function alone(prompt: Int32Array, options: GenerateOptions): Promise<GenerationResult> {
  await using model = await load(1)
  return await model.generate(prompt, options).result()
}

describe('a model with room for several texts', () => {
  it('writes each as if it were alone', async () => {
    await using model = await load(3)
    expect(model.sequences).toBe(3)
    const jobs = [
      [LONG, greedy],
      [OTHER, sampled(1)],
      [SHORT, sampled(2)],
    ] as const
    const together = await Promise.all(jobs.map(([prompt, options]) => model.generate(prompt, options).result()))
    for (const [i, [prompt, options]] of jobs.entries()) {
      expect(together[i].ids).toEqual((await alone(prompt, options)).ids)
    }
  })

  it('refuses one more, until one is done or left', async () => {
    await using model = await load(2)
    const [first, second] = [model.generate(LONG, greedy), model.generate(OTHER, greedy)]
    for await (const _ of first) {
      for await (const _ of second) {
        await expect(model.generate(SHORT).result()).rejects.toMatchObject({ code: 'generate/busy' })
        await expect(model.logits(SHORT)).rejects.toMatchObject({ code: 'generate/busy' })
        break
      }
      expect((await model.generate(SHORT, greedy).result()).ids).toEqual((await alone(SHORT, greedy)).ids)
      break
    }
  })

  it('aborts one and lets the other write on', async () => {
    await using model = await load(2)
    const stop = new AbortController()
    const stopped = model.generate(OTHER, { ...greedy, signal: stop.signal })
    const other = model.generate(LONG, greedy).result()
    for await (const _ of stopped) stop.abort()
    expect(await stopped.result()).toMatchObject({ stopReason: 'aborted' })
    expect((await other).ids).toEqual((await alone(LONG, greedy)).ids)
  })

  it('reads a prompt where most of it is held already, and a new one where the least is lost', async () => {
    await using model = await load(2)
    const once = (prompt: Int32Array): Promise<GenerationResult> =>
      model.generate(prompt, { temperature: 0, maxTokens: 1 }).result()
    const [a, b] = [LONG.slice(0, 20), Int32Array.of(LONG[0], 9, 8, 7, 6, 5)]
    const cached = async (prompt: Int32Array): Promise<number> => (await once(prompt)).cachedTokens
    // The first id alone is no reason to give up what is held.
    expect([await cached(a), await cached(b)]).toEqual([0, 0])
    expect([await cached(a), await cached(b), await cached(a)]).toEqual([19, 5, 19])
    expect(await cached(Int32Array.of(LONG[0], 1, 2))).toBe(1)
    expect(await cached(a)).toBe(19)
  })

  it('scores and generates at the same time', async () => {
    await using model = await load(2)
    const scored: Float32Array[] = []
    const scoring = model.scores(LONG, (_, logits) => scored.push(logits.slice()))
    const written = await model.generate(OTHER, greedy).result()
    await scoring
    expect(written.ids).toEqual((await alone(OTHER, greedy)).ids)
    await using single = await load(1)
    await single.scores(LONG, (position, logits) => expect(scored[position]).toEqual(logits))
    expect(scored).toHaveLength(LONG.length)
  })

  it.each([0, 1.5, 1025])('cannot be one of %s', async (sequences) => {
    await expect(load(sequences)).rejects.toMatchObject({ code: 'model/bad-option' })
  })
})
