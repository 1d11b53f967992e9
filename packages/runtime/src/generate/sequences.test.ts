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
const load = (sequences: number, context = 128): Promise<Model> =>
  loadModel({ source: fixtureBytes('tiny-random/tiny-text-f32.gguf'), backend, context, maxRows: 16, sequences })

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

describe('texts that begin alike', () => {
  const cached = async (model: Model, prompt: Int32Array): Promise<number> =>
    (await model.generate(prompt, { temperature: 0, maxTokens: 1 }).result()).cachedTokens
  const followed = (beginning: Int32Array, seed: number, count: number): Int32Array =>
    Int32Array.of(...beginning, ...Array.from({ length: count }, (_, i) => 10 + ((seed * 50 + i * 7) % 480)))
  const beginning = followed(Int32Array.of(2), 1, 299)

  it('are read once: where the second leaves the first, a checkpoint is left for the third', async () => {
    await using model = await load(1, 1024)
    expect(await cached(model, followed(beginning, 2, 400))).toBe(0)
    // The windows of the first no longer reach back to where they part.
    expect(await cached(model, followed(beginning, 3, 400))).toBe(0)
    expect(await cached(model, followed(beginning, 4, 400))).toBe(300)
    // And each of them is held itself, up to where its answer began.
    expect(await cached(model, followed(followed(beginning, 3, 400), 5, 9))).toBe(700)
  })

  it('keep their tokens: reused or not, the same ids follow', async () => {
    await using model = await load(1, 1024)
    const prompts = [2, 3, 4, 2, 3].map((seed) => followed(beginning, seed, 200))
    for (const prompt of prompts) {
      await using other = await load(1, 1024)
      const options = { temperature: 0, maxTokens: 20 }
      const { ids } = await model.generate(prompt, options).result()
      expect(ids).toEqual((await other.generate(prompt, options).result()).ids)
    }
  })

  it('are taken up from bytes by another model of the same weights', async () => {
    await using first = await load(1, 1024)
    const { ids } = await first.generate(beginning, { temperature: 0, maxTokens: 8 }).result()
    const saved: Uint8Array[] = []
    for await (const bytes of first.save()) saved.push(bytes.slice())
    await using second = await load(1, 1024)
    expect(() => second.save()).not.toThrow()
    await expect(second.save()[Symbol.asyncIterator]().next()).rejects.toMatchObject({
      code: 'generate/nothing-to-save',
    })
    const text = await second.restore(
      (async function* () {
        yield* saved
      })(),
    )
    expect([...text]).toEqual([...beginning, ...ids])
    const next = second.encode(Int32Array.of(9, 8), text)
    expect(await cached(second, next)).toBe(text.length)
  })
})

describe('a saved text', () => {
  const bytesOf = async (model: Model): Promise<Uint8Array[]> => {
    const saved: Uint8Array[] = []
    for await (const bytes of model.save()) saved.push(bytes.slice())
    return saved
  }

  it('is the text that was generated last, whatever the sequence did since', async () => {
    await using model = await load(1)
    const { ids } = await model.generate(SHORT, greedy).result()
    await model.logits(OTHER)
    const saved = await bytesOf(model)
    await using other = await load(1)
    const text = await other.restore(
      (async function* () {
        yield* saved
      })(),
    )
    expect([...text]).toEqual([...SHORT, ...ids])
  })

  it('is not cut short where its last token has no room: that is said each time', async () => {
    await using model = await load(1)
    await model.generate(SHORT, { temperature: 0, overflow: 'stop' }).result()
    for (let time = 0; time < 2; time++) {
      await expect(bytesOf(model)).rejects.toMatchObject({ code: 'model/context-full' })
    }
  })
})
