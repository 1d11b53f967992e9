import { expect, it } from 'vitest'
import { goldens, tinyModel } from '../testing/tiny-random.js'
import { engines, type Engine } from './engines.js'
import { generation } from './generation.js'
import { parseGenerateOptions, type GenerateOptions } from './options.js'

const PROMPT = Int32Array.from(goldens().prompts.text_long.ids)

const tokenizer: Engine['tokenizer'] = { stream: () => ({ push: () => '', end: () => '' }) }

/** The ids that are generated, and how often all logits were read for it. */
async function generate(options: GenerateOptions, rankable: number) {
  const sequence = (await tinyModel({ context: 256, maxRows: 64 })).sequence()
  let reads = 0
  const counted: Engine['sequence'] = Object.assign(Object.create(sequence), {
    rankable,
    logits(into?: Float32Array) {
      reads++
      return sequence.logits(into)
    },
  })
  const engine = { tokenizer, sequence: counted, recover: async () => {} }
  const plan = parseGenerateOptions({ maxTokens: 60, ...options }, [])
  const { ids } = await generation(engines([engine]), PROMPT, plan).result()
  return { ids, reads }
}

it.each<GenerateOptions>([
  { seed: 1 },
  { seed: 2, temperature: 3, topP: 1 },
  { seed: 3, temperature: 0.5, topK: 7, topP: 0.8 },
  { seed: 4, temperature: 2, topK: 40, minP: 0.02 },
])('the seed draws from the ranked tokens what it draws from all logits: %o', async (options) => {
  const ranked = await generate(options, 64)
  const plain = await generate(options, 0)
  expect(new Set(ranked.ids).size).toBeGreaterThan(5)
  expect(ranked.ids).toEqual(plain.ids)
  expect([ranked.reads, plain.reads]).toEqual([0, 60])
})

it.each([0, 65])('reads all logits where more than can be ranked may be drawn: topK %i', async (topK) => {
  expect((await generate({ seed: 1, topK }, 64)).reads).toBe(60)
})
