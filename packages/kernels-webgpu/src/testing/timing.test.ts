import { describe, expect, it } from 'vitest'
import { webgpu } from '../webgpu.js'
import { testGpu } from './gpu.js'
import { LAYERS, smallModel } from './small-model.js'
import { timed, type TimedDevice } from './timing.js'
import { changeDevices } from './wrap.js'

const { gpu, missing, isSlow } = await testGpu()

describe.skipIf(missing !== '' || isSlow)('times by kernel', () => {
  it('count each dispatch, and change no token', async () => {
    const run = async (adapter: GPUAdapter, take: () => Promise<unknown>) => {
      await using backend = await webgpu({ adapter })
      const model = await smallModel(backend)
      model.prompt([1, 2, 3, 4, 5])
      const [first] = await model.picked()
      await take()
      model.step(first, 5)
      return [first, (await model.picked())[0]]
    }
    const adapter = async (): Promise<GPUAdapter> => (await gpu.requestAdapter()) ?? expect.fail(missing)
    const watched = await adapter()
    let times: TimedDevice | undefined
    changeDevices(watched, ['timestamp-query'], (device) => {
      times = timed(device)
    })
    const ids = await run(watched, async () => times?.take())
    const ops = (await times?.take()) ?? []
    expect(ids).toEqual(await run(await adapter(), async () => undefined))
    expect(ops.reduce((sum, { dispatches }) => sum + dispatches, 0)).toBe(2 + 8 * LAYERS + 3)
    expect(ops.find(({ label }) => label === 'gated-up.tile')?.dispatches).toBe(LAYERS)
    for (const { nanoseconds } of ops) expect(nanoseconds).toBeGreaterThanOrEqual(0)
    expect(ops[0].nanoseconds).toBeGreaterThan(0)
  })
})
