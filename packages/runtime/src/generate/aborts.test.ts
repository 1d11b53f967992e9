import { cpu } from '@g3/kernels-cpu'
import { afterAll, describe, expect, it } from 'vitest'
import { fixtureBytes } from '../testing/fixtures.js'
import { goldens } from '../testing/tiny-random.js'
import { loadModel } from './load.js'
import type { GenerateOptions, Prompt } from './options.js'

const LONG = Int32Array.from(goldens().prompts.text_long.ids)
/** Prompts that begin alike, so that what an aborted text has left is of use to others. */
const PROMPTS: readonly Prompt[] = [LONG, LONG.slice(0, 60), LONG.toReversed(), LONG.slice(40)]
const KINDS: readonly GenerateOptions[] = [
  { temperature: 0, maxTokens: 16 },
  { temperature: 1.3, seed: 5, maxTokens: 16 },
  { temperature: 1.3, seed: 6, topK: 0, repetitionPenalty: 1.2, maxTokens: 16 },
]

describe.each([1, 3])('with room for %i texts', async (sequences) => {
  const backend = await cpu({ threads: 2 })
  afterAll(() => backend.dispose())
  const load = () =>
    loadModel({
      source: fixtureBytes('tiny-random/tiny-text-q8_0.gguf'),
      backend,
      context: 128,
      maxRows: 16,
      sequences,
    })

  it('100 aborts at any time leave no trace', async () => {
    await using fresh = await load()
    const jobs = PROMPTS.flatMap((prompt) => KINDS.map((options) => ({ prompt, options })))
    const wanted: number[][] = []
    for (const { prompt, options } of jobs)
      wanted.push((await fresh.generate(prompt, options).result()).ids as number[])

    await using model = await load()
    let state = 11
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return Math.floor((state / 2 ** 32) * below)
    }
    const reasons = new Set<string>()
    for (let round = 0; round < 100; round++) {
      const job = random(jobs.length)
      const { prompt, options } = jobs[job]
      const stop = new AbortController()
      // Beside it another text may be written, which must not notice.
      const other = sequences > 1 ? random(jobs.length) : undefined
      const beside = other === undefined ? undefined : model.generate(jobs[other].prompt, jobs[other].options).result()
      const phase = (['before', 'prompt', 'tokens', 'time'] as const)[round % 4]
      const after = random(phase === 'tokens' ? 12 : 80)
      if (phase === 'before') stop.abort()
      if (phase === 'time') setTimeout(() => stop.abort(), after / 20)
      const onPrefill = (done: number): void => void (phase === 'prompt' && done >= after && stop.abort())
      let tokens = 0
      const generation = model.generate(prompt, { ...options, signal: stop.signal, onPrefill })
      for await (const { id } of generation) {
        if (id !== undefined) tokens++
        if (phase === 'tokens' && tokens > after) stop.abort()
      }
      const { stopReason, ids } = await generation.result()
      reasons.add(`${phase}: ${stopReason}`)
      expect(ids, `round ${round}`).toEqual(wanted[job].slice(0, ids.length))
      if (other !== undefined) expect((await beside)?.ids).toEqual(wanted[other])
      if (round % 5 === 0) {
        const check = random(jobs.length)
        expect((await model.generate(jobs[check].prompt, jobs[check].options).result()).ids).toEqual(wanted[check])
      }
    }
    for (const phase of ['before', 'prompt', 'tokens']) expect(reasons).toContain(`${phase}: aborted`)
  })

  it('an abort does not wait for the part of the prompt that is being read', async () => {
    await using model = await load()
    const stop = new AbortController()
    const { read } = backend
    let reads = 0
    const held = Promise.withResolvers<void>()
    Object.assign(backend, {
      read: async (...args: Parameters<typeof read>) => {
        // The second step of the prompt takes as long as it likes.
        if (++reads === 2) await held.promise
        return read(...args)
      },
    })
    try {
      const generation = model.generate(LONG, { temperature: 0, signal: stop.signal }).result()
      while (reads < 2) await new Promise((resolve) => setTimeout(resolve, 1))
      stop.abort()
      expect((await generation).stopReason).toBe('aborted')
    } finally {
      held.resolve()
      Object.assign(backend, { read })
    }
    await using fresh = await load()
    const [options] = KINDS
    const want = await fresh.generate(LONG, options).result()
    expect((await model.generate(LONG, options).result()).ids).toEqual(want.ids)
  })
})
