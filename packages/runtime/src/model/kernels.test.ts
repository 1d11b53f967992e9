import { cpu } from '@g3/kernels-cpu'
import { describe, expect, it } from 'vitest'
import { goldenFloats, goldens, largestDifference, tinyModel } from '../testing/tiny-random.js'

const { prompts, ggufLogits } = goldens()

describe('files of every type on the CPU kernels, against Hugging Face on the same values', () => {
  it.each(Object.keys(ggufLogits).filter((file) => !file.includes('iq3_s')))('%s', async (file) => {
    const { ids } = prompts.text_long
    const want = goldenFloats(ggufLogits[file]).slice(-512)
    for (const [precision, bound] of [
      ['exact', 1e-3],
      ['precise', 1e-2],
    ] as const) {
      await using backend = await cpu({ threads: 1, precision })
      await using gemma3 = await tinyModel({ backend, file })
      const sequence = gemma3.sequence()
      await sequence.append(Int32Array.from(ids))
      expect(largestDifference(await sequence.logits(), want)).toBeLessThan(bound)
    }
  })
})
