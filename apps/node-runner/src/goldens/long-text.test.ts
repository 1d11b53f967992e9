import type { CacheType } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { logSumExp } from '../scores.js'
import { readLongText, realModel } from './real-model.js'

/** Perplexity of the last `count` ids, with all that goes before in the caches. */
async function perplexityOfLast(count: number, ids: Int32Array, cacheType: CacheType): Promise<number> {
  const { sequence, backend } = await realModel({ threads: 2 }, { context: ids.length, cacheType })
  // The logits of a position foretell the next one.
  const first = ids.length - count - 1
  let nll = 0
  let scored = 0
  await sequence.append(ids.subarray(0, first))
  await sequence.scores(ids.subarray(first, -1), (position, logits) => {
    nll += logSumExp(logits) - logits[ids[position + 1]]
    scored++
  })
  await backend.dispose()
  expect(scored).toBe(count)
  return Math.exp(nll / count)
}

describe('a long text', () => {
  // Reading it takes minutes, which `npm test` leaves to CI.
  it.runIf(process.env.G3_TESTS === 'whole')('has after 32,768 tokens the perplexity that Hugging Face has, within 0.5 %', async () => {
    const { ids, meanNllOfLast4096 } = await readLongText()
    expect(ids).toHaveLength(32_768)
    const ours = await perplexityOfLast(4096, ids, 'f16')
    expect(Math.abs(ours / Math.exp(meanNllOfLast4096) - 1)).toBeLessThan(0.005)
  }, 600_000)

  // All of the text would take minutes and say the same: 50.47 both, to the second place.
  it('has with 8 bits a number the perplexity of 16, within 0.5 %', async () => {
    const ids = (await readLongText()).ids.subarray(0, 4096)
    const [f16, q8] = [await perplexityOfLast(1024, ids, 'f16'), await perplexityOfLast(1024, ids, 'q8_0')]
    expect(q8).not.toBe(f16)
    expect(Math.abs(q8 / f16 - 1)).toBeLessThan(0.005)
  }, 300_000)
})
