import { isG3Error, type Backend } from '@g3/backend'
import { webgpu } from '@g3/kernels-webgpu'
import type { TextSequence } from '@g3/runtime'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { logSumExp } from '../scores.js'
import { readGolden, realModelOn } from './real-model.js'

/** f32 activations against Hugging Face's f32: only the order of sums differs. */
const LOGIT_ERROR = 1e-3

/** The GPU backend, or why this machine cannot run the 270M on it: SwiftShader takes 10 seconds for a token. */
async function openBackend(): Promise<Backend | string> {
  try {
    const backend = await webgpu()
    if (!/swiftshader/i.test(backend.caps.description)) return backend
    await backend.dispose()
    return `too slow for the 270M: ${backend.caps.description}`
  } catch (error) {
    if (!isG3Error(error) || error.code !== 'webgpu/unavailable' || process.env.G3_GPU === 'required') throw error
    return error.message
  }
}

const opened = await openBackend()
if (typeof opened === 'string') console.warn(`skipped: ${opened}`)

describe.skipIf(typeof opened === 'string')('the 270M on the GPU equals Hugging Face in f32', () => {
  let sequence: TextSequence
  let backend: Backend
  beforeAll(async () => {
    if (typeof opened === 'string') return
    ;({ sequence, backend } = await realModelOn(opened))
  }, 600_000)
  afterAll(() => backend?.dispose())

  const append = async (name: string) => {
    const golden = await readGolden(name)
    sequence.reset()
    await sequence.append(golden.ids)
    return golden
  }

  it.each(['bos_only', 'short_fr', 'short_mixed', 'code_ts'])('%s: logits of the last position', async (name) => {
    const { last } = await append(name)
    const logits = await sequence.logits()
    for (const [id, logit] of last.top50) expect(Math.abs(logits[id] - logit)).toBeLessThan(LOGIT_ERROR)
    expect(Math.abs(logSumExp(logits) - last.logsumexp)).toBeLessThan(LOGIT_ERROR)
  }, 300_000)

  it('short_en: 48 greedy tokens', async () => {
    const { greedy48 } = await append('short_en')
    const greedy: number[] = []
    while (greedy.length < greedy48.ids.length) {
      greedy.push(await sequence.pick())
      sequence.step(greedy[greedy.length - 1])
    }
    expect(greedy).toEqual(greedy48.ids)
  }, 300_000)
})
