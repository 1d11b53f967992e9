import { reference, type Backend } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { constraints } from '../grammar/constraint.js'
import { compileRegex } from '../grammar/regex/grammar.js'
import type { TextSequence } from '../model/gemma3.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { goldens } from '../testing/tiny-random.js'
import { loadModel } from './load.js'
import type { Model } from './model.js'
import type { GenerateOptions } from './options.js'
import { together } from './together.js'

const LONG = Int32Array.from(goldens().prompts.text_long.ids)
const PROMPTS = [LONG, LONG.toReversed(), LONG.slice(3), LONG.slice(5, 30), LONG.slice(0, 12), LONG.slice(8)]
const TOKENS = 20

/** A reference that counts the passes of the body and their rows. */
function counted(): { readonly backend: Backend; readonly passes: number[] } {
  const inner = reference()
  const passes: number[] = []
  const bodies = new Set<unknown>()
  const backend: Backend = {
    ...inner,
    record(label, build) {
      const program = inner.record(label, build)
      if (label === 'body') bodies.add(program)
      return program
    },
    run(program, step) {
      if (bodies.has(program)) passes.push(step.rows)
      inner.run(program, step)
    },
  }
  return { backend, passes }
}

const load = (backend: Backend, sequences: number, maxRows = 16): Promise<Model> =>
  loadModel({ source: fixtureBytes('tiny-random/tiny-text-f32.gguf'), backend, context: 128, maxRows, sequences })

function jobs(model: Model): readonly GenerateOptions[] {
  const plain = { maxTokens: TOKENS }
  const held = constraints(compileRegex('[a-z ]{400}'), model.vocabulary())
  return [
    { ...plain, temperature: 0 },
    { ...plain, temperature: 1.2, seed: 1 },
    { ...plain, temperature: 0 },
    { ...plain, temperature: 1.2, seed: 2, topK: 20 },
    { ...plain, temperature: 1, seed: 3, constraint: held.start() },
    { ...plain, temperature: 1, seed: 4, logprobs: 3, repetitionPenalty: 1.3 },
  ]
}

describe('texts that are written together', () => {
  it('share passes, and each is what it is alone', async () => {
    const { backend, passes } = counted()
    await using model = await load(backend, PROMPTS.length)
    const written = jobs(model).map((options, i) => model.generate(PROMPTS[i], options).result())
    const results = await Promise.all(written)
    // All tokens but the last of each, in full passes as long as prompts are left.
    const tokens = [...PROMPTS, ...results.map(({ ids }) => ids)].reduce((sum, { length }) => sum + length, 0)
    expect(passes.length).toBeLessThan(tokens / 16 + TOKENS)
    await using single = await load(backend, 1)
    for (const [i, options] of jobs(single).entries()) {
      expect(results[i].ids).toEqual((await single.generate(PROMPTS[i], options).result()).ids)
    }
    await backend.dispose()
  })

  it('are not held up by a long prompt, which is read beside them', async () => {
    const { backend, passes } = counted()
    await using model = await load(backend, 2, 80)
    const done: string[] = []
    let reading: Promise<unknown> | undefined
    for await (const _ of model.generate(PROMPTS[4], { temperature: 0, maxTokens: TOKENS })) {
      done.push('token')
      const onPrefill = (read: number, all: number): void => void done.push(`${read} of ${all}`)
      reading ??= model.generate(PROMPTS[0], { temperature: 0, maxTokens: 1, onPrefill }).result()
    }
    await reading
    expect(LONG).toHaveLength(84)
    expect(done.slice(0, 6)).toEqual(['token', '64 of 84', 'token', '84 of 84', 'token', 'token'])
    expect(passes.slice(1, 3)).toEqual([65, 21])
    await backend.dispose()
  })

  it('read no more of a prompt once it is aborted', async () => {
    const { backend, passes } = counted()
    await using model = await load(backend, 2)
    const stop = new AbortController()
    const onPrefill = (read: number): void => void (read >= 32 && stop.abort())
    const aborted = model.generate(PROMPTS[0], { temperature: 0, signal: stop.signal, onPrefill }).result()
    expect((await aborted).stopReason).toBe('aborted')
    expect(passes).toEqual([16, 16])
    const { ids } = await model.generate(PROMPTS[0], { temperature: 0, maxTokens: 5 }).result()
    await using single = await load(backend, 1)
    expect(ids).toEqual((await single.generate(PROMPTS[0], { temperature: 0, maxTokens: 5 }).result()).ids)
    await backend.dispose()
  })

  it('do not wait for one whose reader has stopped', async () => {
    const { backend } = counted()
    await using model = await load(backend, 2)
    for await (const _ of model.generate(PROMPTS[0], { temperature: 0, maxTokens: TOKENS })) {
      const other = await model.generate(PROMPTS[1], { temperature: 0, maxTokens: TOKENS }).result()
      expect(other.ids.length).toBeGreaterThan(0)
      break
    }
    await backend.dispose()
  })

  it('go on where one of them cannot', async () => {
    const sequences = [0, 1, 2].map((number) => ({ number }) as unknown as TextSequence)
    const share = together({
      passRows: 16,
      batch: (members) => ({
        sequences: members,
        finish: async () => {},
        step() {
          if (members.includes(sequences[1])) throw new Error('no page is left')
        },
        pick: async () => Int32Array.from(members, (member) => 10 + sequences.indexOf(member)),
        draw: () => Promise.reject(new Error('not asked for')),
        top: () => Promise.reject(new Error('not asked for')),
        logits: () => Promise.reject(new Error('not asked for')),
      }),
    })
    const asked = sequences.map((sequence) => {
      const shared = share(sequence)
      shared.step(5)
      return shared.pick()
    })
    const settled = await Promise.allSettled(asked)
    expect(settled.map((one) => (one.status === 'fulfilled' ? one.value : String(one.reason)))).toEqual([
      10,
      'Error: no page is left',
      12,
    ])
  })
})
