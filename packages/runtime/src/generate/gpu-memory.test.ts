import { webgpu, webgpuAdapter } from '@g3/kernels-webgpu'
import { changeDevices, counted, type CountedDevice } from '@g3/kernels-webgpu/test'
import { create } from 'webgpu'
import { expect, it } from 'vitest'
import { fixtureBytes } from '../testing/fixtures.js'
import { loadModel } from './load.js'

const ANSWERS = 200
/** In which all that a model comes to need is made: checkpoints, room to read logits, copies of pages. */
const WARM = 20

const gpu = create([])
/** SwiftShader takes a second for a token. */
const isFast = await webgpuAdapter({ gpu }).then(
  ({ name }) => !/swiftshader/i.test(name),
  () => false,
)

it.skipIf(!isFast)('200 answers leave the GPU as much memory as 20', async () => {
  const adapter = (await gpu.requestAdapter()) ?? expect.fail('the adapter has gone')
  let device: CountedDevice | undefined
  changeDevices(adapter, [], (opened) => {
    device = counted(opened)
  })
  await using backend = await webgpu({ adapter, selfCheck: false })
  const source = fixtureBytes('tiny-random/tiny-text-q8_0.gguf')
  await using model = await loadModel({ source, backend, context: 256 })
  let live = 0
  const answer = async (n: number): Promise<void> => {
    // Beginnings that are shared and others, ranked logits and all of them, aborted texts among the whole ones.
    const prompt = Int32Array.from({ length: 3 + (n % 5) }, (_, i) => (i < n % 3 ? 2 + i : 6 + ((n * 31 + i * 7) % 400)))
    const generation = model.generate(prompt, { seed: n, maxTokens: 2, topK: n % 10 === 0 ? 0 : 8 })
    if (n % 7 === 0) for await (const _ of generation) break
    else expect((await generation.result()).ids.length).toBeGreaterThan(0)
    const { bufferBytes, freedBytes } = device?.take() ?? expect.fail('no device was opened')
    live += bufferBytes - freedBytes
  }
  for (let n = 0; n < WARM; n++) await answer(n)
  const before = live
  expect(before).toBeGreaterThan(1e6)
  for (let n = WARM; n < ANSWERS; n++) await answer(n)
  expect(live).toBe(before)
}, 120_000)
