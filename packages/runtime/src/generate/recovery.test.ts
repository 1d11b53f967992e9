import { reference } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { fixtureBytes } from '../testing/fixtures.js'
import { losable } from '../testing/losable.js'
import { goldens } from '../testing/tiny-random.js'
import { loadModel } from './load.js'
import type { Model } from './model.js'
import type { GenerateOptions } from './options.js'
import type { Backend } from '@g3/backend'

const LONG = Int32Array.from(goldens().prompts.text_long.ids)
const OTHER = LONG.toReversed()

const load = (backend: Backend, sequences = 1): Promise<Model> =>
  loadModel({
    source: fixtureBytes('tiny-random/tiny-text-f32.gguf'),
    backend,
    context: 128,
    maxRows: 16,
    sequences,
  })

const KINDS: readonly GenerateOptions[] = [
  { temperature: 0, maxTokens: 12 },
  { temperature: 1.5, seed: 3, maxTokens: 12 },
  { temperature: 1.5, seed: 3, topK: 0, maxTokens: 12 },
]

describe('hardware that is lost in the middle', () => {
  it.each(KINDS)('the answer goes on with the same tokens, whenever it happens: %o', async (options) => {
    await using plain = reference()
    await using undisturbed = await load(plain)
    const expected = await undisturbed.generate(LONG, options).result()

    const { backend, loseAfter } = losable()
    await using model = await load(backend)
    for (let reads = 0; reads < 16; reads++) {
      loseAfter(reads)
      const { ids, text } = await model.generate(LONG, options).result()
      expect({ ids, text }).toEqual({ ids: expected.ids, text: expected.text })
    }
  })

  it('texts that are written at the same time all go on', async () => {
    const [greedy, sampled] = KINDS
    await using plain = reference()
    await using undisturbed = await load(plain, 2)
    const expected = [
      await undisturbed.generate(LONG, greedy).result(),
      await undisturbed.generate(OTHER, sampled).result(),
    ].map(({ ids }) => ids)

    const lost = losable()
    await using model = await load(lost.backend, 2)
    for (let reads = 1; reads < 17; reads += 2) {
      lost.loseAfter(reads)
      const found = await Promise.all([model.generate(LONG, greedy).result(), model.generate(OTHER, sampled).result()])
      expect(found.map(({ ids }) => ids)).toEqual(expected)
    }
    expect(lost.losses).toBe(8)
  })

  it('an abort during recovery is an abort', async () => {
    const { backend, loseAfter } = losable()
    await using model = await load(backend)
    const stop = new AbortController()
    const recover = backend.recovery?.recover
    if (backend.recovery === undefined || recover === undefined) expect.fail('no recovery')
    Object.assign(backend.recovery, {
      recover: async () => {
        stop.abort()
        return recover()
      },
    })
    loseAfter(6)
    const { stopReason } = await model.generate(LONG, { ...KINDS[0], signal: stop.signal }).result()
    expect(stopReason).toBe('aborted')
  })

  it('logits asked for alone fail once and work again', async () => {
    const { backend, loseAfter } = losable()
    await using model = await load(backend)
    const expected = await model.logits(LONG)
    loseAfter(0)
    await expect(model.logits(LONG)).rejects.toMatchObject({ code: 'backend/lost' })
    expect(await model.logits(LONG)).toEqual(expected)
  })

  it('another model on the same hardware knows that its text is gone', async () => {
    const { backend, loseAfter } = losable()
    await using one = await load(backend)
    await using other = await load(backend)
    const expected = await other.generate(LONG, KINDS[0]).result()
    loseAfter(3)
    await one.generate(OTHER, KINDS[0]).result()
    const { ids, cachedTokens } = await other.generate(LONG, KINDS[0]).result()
    expect([ids, cachedTokens]).toEqual([expected.ids, 0])
  })

  it('a backend without recovery throws', async () => {
    const { backend, loseAfter } = losable()
    const { recovery: _, ...rest } = backend
    await using model = await load(rest)
    loseAfter(2)
    await expect(model.generate(LONG, KINDS[0]).result()).rejects.toMatchObject({ code: 'backend/lost' })
  })
})
