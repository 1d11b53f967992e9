import type { Backend } from '@g3/backend'
import type { TextSequence } from '@g3/runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logSumExp } from '../scores.js'
import { PROMPTS, readGolden, realModel } from './real-model.js'

/** f32 activations against Hugging Face's f32: only the order of sums differs. The floor between f32 and f64 is 9e-5. */
const LOGIT_ERROR = 1e-3

describe('the 270M in exact precision equals Hugging Face in f32', () => {
  let sequence: TextSequence
  let backend: Backend
  beforeAll(async () => ({ sequence, backend } = await realModel({ precision: 'exact', threads: 2 })), 600_000)
  afterAll(() => backend.dispose())

  it.each(PROMPTS)('%s: logits of the last position, then 48 greedy tokens', async (name) => {
    const { ids, last, greedy48 } = await readGolden(name)
    sequence.reset()
    await sequence.append(ids)
    const logits = await sequence.logits()
    for (const [id, logit] of last.top50) expect(Math.abs(logits[id] - logit)).toBeLessThan(LOGIT_ERROR)
    expect(Math.abs(logSumExp(logits) - last.logsumexp)).toBeLessThan(LOGIT_ERROR)
    const greedy: number[] = []
    while (greedy.length < greedy48.ids.length) {
      greedy.push(await sequence.pick())
      sequence.step(greedy[greedy.length - 1])
    }
    expect(greedy).toEqual(greedy48.ids)
  }, 120_000)

  it.each(['short_fr', 'code_ts', 'long_600'])('%s: NLL and the five likeliest at every position', async (name) => {
    const { ids, per_position } = await readGolden(name)
    expect(per_position).toBeDefined()
    sequence.reset()
    let checked = 0
    await sequence.scores(ids, (position, logits) => {
      for (const [id, logit] of per_position?.top5[position] ?? []) {
        expect(Math.abs(logits[id] - logit)).toBeLessThan(LOGIT_ERROR)
        checked++
      }
      const nll = per_position?.nll[position]
      if (nll !== undefined) expect(Math.abs(logSumExp(logits) - logits[ids[position + 1]] - nll)).toBeLessThan(LOGIT_ERROR)
    })
    expect(checked).toBe(5 * ids.length)
  }, 120_000)
})
