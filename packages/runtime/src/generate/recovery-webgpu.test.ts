import { webgpu } from '@g3/kernels-webgpu'
import { create } from 'webgpu'
import { describe, expect, it } from 'vitest'
import { fixtureBytes } from '../testing/fixtures.js'
import { goldens } from '../testing/tiny-random.js'
import { loadModel } from './load.js'
import type { GenerateOptions } from './options.js'

const PROMPT = Int32Array.from(goldens().prompts.text_long.ids)
const ANSWER: GenerateOptions = { temperature: 1.2, seed: 8, maxTokens: 8 }
const PHASES = ['load', 'prefill', 'decode'] as const

/** How often each phase is cut off. */
const ROUNDS = process.env.G3_GPU === 'whole' ? 17 : 1

const gpu = create([])
const adapter = await gpu.requestAdapter()
/** SwiftShader compiles for seconds on each device. */
const phases = /swiftshader/i.test(adapter?.info.description ?? '') ? (['decode'] as const) : PHASES
if (adapter === null && process.env.G3_GPU === 'required') throw new Error('G3_GPU is required, but there is no adapter')

/** Writes an answer whose device is destroyed in a phase, after so many of its reports; counts devices. */
async function answer(phase: (typeof PHASES)[number] | undefined, after = 0) {
  let devices = 0
  let left = after
  let device: GPUDevice | undefined
  const lose = (now: (typeof PHASES)[number]): void => {
    if (now !== phase || left-- !== 0) return
    device?.destroy()
  }
  await using backend = await webgpu({
    device: async () => {
      devices++
      device = await (await gpu.requestAdapter())?.requestDevice()
      return device ?? expect.fail('the adapter is gone')
    },
  })
  await using model = await loadModel({
    source: fixtureBytes('tiny-random/tiny-text-f32.gguf'),
    backend,
    context: 128,
    maxRows: 8,
    onProgress: () => lose('load'),
  })
  const ids: number[] = []
  for await (const { id } of model.generate(PROMPT, { ...ANSWER, onPrefill: () => lose('prefill') })) {
    if (id !== undefined) ids.push(id)
    lose('decode')
  }
  device?.destroy()
  return { ids, devices }
}

describe.skipIf(adapter === null)('a GPU that is taken away', () => {
  it('changes no token, in whatever phase', { timeout: 600_000 }, async () => {
    const { ids } = await answer(undefined)
    let early = 0
    for (let round = 0; round < ROUNDS; round++) {
      for (const phase of phases) {
        expect({ phase, ...(await answer(phase, round % 4)) }).toEqual({ phase, ids, devices: 2 })
      }
      if (round === 7) early = process.memoryUsage.rss()
    }
    if (early > 0) expect(process.memoryUsage.rss() / early).toBeLessThan(1.15)
  })
})
