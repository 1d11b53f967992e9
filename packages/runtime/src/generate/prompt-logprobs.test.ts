import { cpu } from '@g3/kernels-cpu'
import { describe, expect, it } from 'vitest'
import { fixtureBytes } from '../testing/fixtures.js'
import { goldens } from '../testing/tiny-random.js'
import { loadModel } from './load.js'

const PROMPT = Int32Array.from(goldens().prompts.text_long.ids)
const options = { temperature: 0, maxTokens: 6 }

describe('promptLogprobs', () => {
  it('are those of the model, whatever it holds already, and change nothing else', async () => {
    await using backend = await cpu({ threads: 1 })
    const source = fixtureBytes('tiny-random/tiny-text-f32.gguf')
    await using model = await loadModel({ source, backend, context: 128, maxRows: 32 })
    const expected: { id: number; logprob: number; likeliest: number }[] = []
    await model.scores(PROMPT, (position, logits) => {
      const id = PROMPT[position + 1]
      if (id === undefined) return
      const sum = logits.reduce((all, each) => all + Math.exp(each), 0)
      expected.push({ id, logprob: logits[id] - Math.log(sum), likeliest: logits.indexOf(Math.max(...logits)) })
    })
    const plain = await model.generate(PROMPT, options).result()
    expect(plain.promptLogprobs).toBeUndefined()
    for (const count of [0, 5]) {
      const {
        promptLogprobs = [],
        ids,
        cachedTokens,
      } = await model.generate(PROMPT, { ...options, promptLogprobs: count }).result()
      expect(ids).toEqual(plain.ids)
      expect(cachedTokens).toBe(0)
      expect(promptLogprobs).toHaveLength(PROMPT.length)
      expect(promptLogprobs[0]).toBeUndefined()
      for (const [n, { id, logprob, likeliest }] of expected.entries()) {
        const found = promptLogprobs[n + 1]
        expect(found?.id).toBe(id)
        expect(found?.logprob).toBeCloseTo(logprob, 4)
        expect(found?.top).toHaveLength(count)
        if (count > 0) expect(found?.top[0].id).toBe(likeliest)
      }
    }
    // What was read is there for the next prompt.
    const again = await model.generate(PROMPT, options).result()
    expect(again.cachedTokens).toBe(PROMPT.length - 1)
  })

  it('need the whole prompt', async () => {
    await using backend = await cpu({ threads: 1 })
    const source = fixtureBytes('tiny-random/tiny-text-f32.gguf')
    await using model = await loadModel({ source, backend, context: 40, maxRows: 32 })
    const running = model.generate(new Int32Array(60).fill(5), { promptLogprobs: 1, overflow: 'shift' }).result()
    await expect(running).rejects.toMatchObject({ code: 'generate/prompt-too-long' })
    expect(() => model.generate(PROMPT, { promptLogprobs: 21 })).toThrow(/^promptLogprobs is 21/)
  })
})
