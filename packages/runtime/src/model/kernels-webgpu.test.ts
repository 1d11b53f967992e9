import { isG3Error } from '@g3/backend'
import { webgpu } from '@g3/kernels-webgpu'
import { describe, expect, it } from 'vitest'
import { goldenFloats, goldens, largestDifference, tinyModel } from '../testing/tiny-random.js'

const { prompts, ggufLogits } = goldens()

/** f32 activations, as the reference has them: only the order of sums differs. */
const BOUND = 1e-3

/** Files that this machine can run: two where the adapter is SwiftShader, which takes half a minute for one. */
const files = await webgpu().then(
  async (backend) => {
    await backend.dispose()
    const all = Object.keys(ggufLogits).filter((file) => !file.includes('iq3_s'))
    return /swiftshader/i.test(backend.caps.description) ? all.slice(2, 4) : all
  },
  (error: unknown) => {
    if (!isG3Error(error) || error.code !== 'webgpu/unavailable' || process.env.G3_GPU === 'required') throw error
    console.warn(`skipped: ${error.message}`)
    return []
  },
)

describe.skipIf(files.length === 0)('files of every type on the WebGPU kernels, against Hugging Face on the same values', () => {
  it.each(files)('%s', async (file) => {
    const { ids } = prompts.text_long
    await using backend = await webgpu()
    await using gemma3 = await tinyModel({ backend, file })
    const sequence = gemma3.sequence()
    await sequence.append(Int32Array.from(ids))
    expect(largestDifference(await sequence.logits(), goldenFloats(ggufLogits[file]).slice(-512))).toBeLessThan(BOUND)
  }, 240_000)
})
