import type { Backend } from '@g3/backend'
import { webgpu } from '@g3/kernels-webgpu'
import type { TextSequence } from '@g3/runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { divergence, readGolden, readLlamaCpp, realModel, realModelOn } from './real-model.js'

/** Where the likeliest token leads by more than this, 8-bit activations must agree on it. */
const CLEAR_LEAD = 1

// Two minutes on lavapipe, so only where it is asked for.
describe.skipIf(process.env.G3_GPU !== 'whole')(
  'the 270M on the GPU in rounded precision stays close to Hugging Face',
  () => {
    let exact: { sequence: TextSequence; backend: Backend }
    let fast: { sequence: TextSequence; backend: Backend }
    beforeAll(async () => {
      exact = await realModel({ precision: 'exact', threads: 2 })
      fast = await realModelOn(await webgpu({ precision: 'fast' }))
      console.log(fast.backend.caps.description)
    }, 600_000)
    afterAll(async () => {
      for (const { backend } of [exact, fast]) await backend.dispose()
    })

    // The CPU's `exact` stands in for Hugging Face's full logits, as in fast.test.ts, whose bounds these are.
    it.each(['short_en', 'short_fr', 'short_mixed', 'code_ts', 'chat'])(
      "%s: mean KL at most llama.cpp's, argmax equal where the lead is clear",
      async (name) => {
        const { ids, per_position } = await readGolden(name)
        const { first_pos, mean_kl } = (await readLlamaCpp())[name]
        const want: Float32Array[] = []
        for (const { sequence } of [exact, fast]) {
          sequence.reset()
          if (first_pos > 0) await sequence.append(ids.slice(0, first_pos))
        }
        await exact.sequence.scores(ids.slice(first_pos), (_, logits) => want.push(logits.slice()))
        let sum = 0
        let row = 0
        await fast.sequence.scores(ids.slice(first_pos), (position, logits) => {
          sum += divergence(want[row++], logits)
          const [first, second] = per_position?.top5[position] ?? []
          if (first && second && first[1] - second[1] > CLEAR_LEAD) {
            expect(logits.indexOf(logits.reduce((a, b) => Math.max(a, b))), `position ${position}`).toBe(first[0])
          }
        })
        expect(row).toBe(ids.length - first_pos)
        console.log(`${name}: mean KL ${(sum / row).toExponential(2)}, llama.cpp's ${mean_kl.toExponential(2)}`)
        expect(sum / row).toBeLessThanOrEqual(mean_kl)
      },
      300_000,
    )
  },
)
