import { describe, expect, it } from 'vitest'
import type { WebGpuOptions } from './options.js'
import { testGpu } from './testing/gpu.js'
import { smallModel } from './testing/small-model.js'
import { webgpu } from './webgpu.js'

const { gpu, missing, isSlow } = await testGpu()
const hasSubgroups = (await gpu.requestAdapter())?.features.has('subgroups') ?? false

/** A device whose driver compiles something else than it is given. */
const lying = (change: (code: string) => string) => async (): Promise<GPUDevice> => {
  const adapter = (await gpu.requestAdapter()) ?? expect.fail(missing)
  const device = await adapter.requestDevice({ requiredFeatures: hasSubgroups ? ['subgroups'] : [] })
  const make = device.createShaderModule.bind(device)
  Object.defineProperty(device, 'createShaderModule', {
    value: (descriptor: GPUShaderModuleDescriptor) => make({ ...descriptor, code: change(descriptor.code) }),
  })
  return device
}

async function openOn(change: (code: string) => string, options: WebGpuOptions = {}) {
  const notices: string[] = []
  const device = lying(change)
  const backend = await webgpu({ ...options, selfCheck: true, device, onNotice: (notice) => notices.push(notice) })
  return { backend, notices }
}

async function pick(options: Parameters<typeof webgpu>[0]): Promise<readonly number[]> {
  await using backend = await webgpu(options)
  const model = await smallModel(backend)
  model.prompt([1, 2, 3])
  return [...(await model.picked())]
}

// SwiftShader compiles for ten seconds for each.
describe.skipIf(missing !== '' || isSlow)('the self-check', () => {
  it('says nothing of a driver that computes rightly', async () => {
    const { backend, notices } = await openOn((code) => code)
    expect(notices).toEqual([])
    await backend.dispose()
  })

  it.skipIf(!hasSubgroups)('takes shared memory where subgroups give wrong sums, and tells of it', async () => {
    const change = (code: string): string => code.replaceAll('subgroupShuffleXor(sum, apart)', 'sum')
    const { backend, notices } = await openOn(change)
    expect(notices).toEqual([expect.stringMatching(/off by .* shared memory is used instead of subgroups/)])
    expect(backend.caps.description).toContain('shared memory')
    await backend.dispose()
    expect(await pick({ device: lying(change), selfCheck: true, onNotice: () => {} })).toEqual(await pick({ gpu }))
  })

  it.skipIf(!hasSubgroups)('takes shared memory where the driver does not take subgroups', async () => {
    const { backend, notices } = await openOn((code) => code.replaceAll('subgroupShuffleXor(sum, apart)', 'nothing'))
    expect(notices).toEqual([expect.stringMatching(/refused a command.* shared memory is used instead of subgroups/s)])
    await backend.dispose()
  })

  it.skipIf(isSlow)('takes f32 where products of bytes are wrong', async () => {
    const fast = { precision: 'fast', subgroups: false } as const
    expect((await openOn((code) => code, fast)).notices).toEqual([])
    const { backend, notices } = await openOn((code) => code.replaceAll('+= dot4I8Packed', '-= dot4I8Packed'), fast)
    expect(notices).toEqual([expect.stringMatching(/dp4a.* off by .* products are f32/)])
    expect(backend.caps.description).toContain(', f32,')
    await backend.dispose()
  })

  it.each([
    ['a norm', '1.0 / sqrt(', 'sqrt('],
    ['attention', 'exp(score_', 'exp(0.5 * score_'],
    ['the order of the likeliest', 'a.logit > b.logit', 'a.logit < b.logit'],
  ])('refuses a driver that is wrong in every variant: %s', async (_, right, wrong) => {
    await expect(openOn((code) => code.replaceAll(right, wrong))).rejects.toMatchObject({
      code: 'webgpu/wrong-results',
    })
  })
})
