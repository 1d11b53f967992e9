import { reference, type Backend } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { fixtureBytes } from '../testing/fixtures.js'
import { losable } from '../testing/losable.js'
import { goldens, tinyModel } from '../testing/tiny-random.js'
import { loadModel } from './load.js'
import type { Model } from './model.js'
import type { GenerateOptions } from './options.js'

const LONG = Int32Array.from(goldens().prompts.text_long.ids)
const OTHER = LONG.toReversed()

/** The same backend, but tokens are handed over before the ones before are known. */
const ahead = (backend: Backend): Backend => ({ ...backend, caps: { ...backend.caps, runsAhead: true } })

const load = (backend: Backend, sequences = 1): Promise<Model> =>
  loadModel({
    source: fixtureBytes('tiny-random/tiny-text-f32.gguf'),
    backend,
    context: LONG.length + 24,
    maxRows: 16,
    sequences,
  })

const OPTIONS: readonly GenerateOptions[] = [
  { temperature: 0, maxTokens: 12 },
  { temperature: 1.3, seed: 2, maxTokens: 12 },
  { temperature: 1.3, seed: 2, topK: 0, maxTokens: 12 },
  { temperature: 1.3, seed: 5, overflow: 'stop' },
  { temperature: 0, maxTokens: 1 },
]

describe('running ahead', () => {
  it.each(OPTIONS)('changes no token, and the text can go on: %o', async (options) => {
    const results = []
    for (const wrap of [(backend: Backend) => backend, ahead]) {
      await using backend = reference()
      await using model = await load(wrap(backend))
      const first = await model.generate(LONG, options).result()
      const text = Int32Array.of(...LONG, ...first.ids, 7)
      const second =
        text.length < model.context ? await model.generate(text, { ...options, maxTokens: 3 }).result() : first
      results.push([first, second].map(({ ids, stopReason, cachedTokens }) => ({ ids, stopReason, cachedTokens })))
    }
    expect(results[1]).toEqual(results[0])
  })

  it('stops where it is told, and leaves nothing behind', async () => {
    await using backend = reference()
    await using model = await load(ahead(backend))
    const options: GenerateOptions = { temperature: 1.3, seed: 2, maxTokens: 12 }
    const { ids } = await model.generate(LONG, options).result()
    const stopped = await model.generate(LONG, { ...options, stop: [ids[4]] }).result()
    expect([stopped.ids, stopped.stopReason]).toEqual([ids.slice(0, ids.indexOf(ids[4])), 'stop'])
    for (const most of [1, 2, 5]) {
      const abort = new AbortController()
      const seen: number[] = []
      for await (const { id } of model.generate(LONG, { ...options, signal: abort.signal })) {
        if (id !== undefined) seen.push(id)
        if (seen.length === most) abort.abort()
      }
      expect(seen).toEqual(ids.slice(0, most))
      for await (const _ of model.generate(LONG, options)) break
    }
    expect((await model.generate(LONG, options).result()).ids).toEqual(ids)
  })

  it('texts that are written at the same time do not meet', async () => {
    await using backend = reference()
    await using model = await load(ahead(backend), 2)
    const options: GenerateOptions = { temperature: 1.3, seed: 2, maxTokens: 12 }
    const alone = [await model.generate(LONG, options).result(), await model.generate(OTHER, options).result()]
    const together = await Promise.all([
      model.generate(LONG, options).result(),
      model.generate(OTHER, options).result(),
    ])
    expect(together.map(({ ids }) => ids)).toEqual(alone.map(({ ids }) => ids))
  })
})

it('hardware that is lost while two tokens are on their way', async () => {
  const options: GenerateOptions = { temperature: 1.3, seed: 2, maxTokens: 12 }
  const { backend, loseAfter } = losable()
  await using model = await load(ahead(backend))
  const { ids } = await model.generate(LONG, options).result()
  for (let reads = 0; reads < 16; reads++) {
    loseAfter(reads)
    expect((await model.generate(LONG, options).result()).ids).toEqual(ids)
  }
})

describe('follow', () => {
  it('says what it needs', async () => {
    const gemma3 = await tinyModel({ backend: ahead(reference()), context: 8 })
    const sequence = gemma3.sequence()
    await expect(sequence.follow()).rejects.toMatchObject({ code: 'model/no-logits' })
    await sequence.append([1, 2, 3])
    await expect(sequence.follow()).rejects.toMatchObject({ code: 'model/no-logits' })
    const tokens = [sequence.pick(), sequence.follow()]
    const third = sequence.follow()
    expect(() => sequence.rewind(1)).toThrow(expect.objectContaining({ code: 'model/busy' }))
    await expect(third).rejects.toMatchObject({ code: 'model/busy' })
    const [first] = await Promise.all(tokens)
    expect([...sequence.ids]).toEqual([1, 2, 3, first])
    sequence.rewind(3)
    await expect(sequence.follow()).rejects.toMatchObject({ code: 'model/no-logits' })
    const plain = (await tinyModel({ context: 8 })).sequence()
    await plain.append([1])
    await plain.pick()
    await expect(plain.follow()).rejects.toMatchObject({ code: 'model/bad-option' })
  })

  it('goes on from what the sequence asked for itself, not from what others did in its outputs', async () => {
    const gemma3 = await tinyModel({ backend: ahead(reference()), context: 8, sequences: 2 })
    const [one, other] = [gemma3.sequence(), gemma3.sequence()]
    await one.append([1, 2, 3])
    await other.append([4, 5])
    const batch = gemma3.batch([one, other])
    batch.step([6, 7])
    await other.pick()
    await batch.pick()
    await expect(other.follow()).rejects.toMatchObject({ code: 'model/no-logits' })
    await other.pick()
    other[Symbol.dispose]()
    const fork = one.fork()
    await expect(fork.follow()).rejects.toMatchObject({ code: 'model/no-logits' })
    await fork.pick()
    await fork.logits()
    expect(await fork.follow()).toBeGreaterThanOrEqual(0)
  })
})
