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

const load = (backend: Backend, sequences: number): Promise<Model> =>
  loadModel({ source: fixtureBytes('tiny-random/tiny-text-f32.gguf'), backend, context: 128, maxRows: 16, sequences })

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
    const shared = passes.filter((rows) => rows === PROMPTS.length).length
    expect(shared).toBeGreaterThan(5)
    await using single = await load(backend, 1)
    for (const [i, options] of jobs(single).entries()) {
      expect(results[i].ids).toEqual((await single.generate(PROMPTS[i], options).result()).ids)
    }
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
      batch: (members) => ({
        sequences: members,
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
