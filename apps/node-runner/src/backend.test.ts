import { webgpuAdapter } from '@g3/kernels-webgpu'
import { describe, expect, it } from 'vitest'
import { g3, TINY } from './testing/g3.js'

const RUN = ['run', 'hello', '--model', TINY, '--max-tokens', '12', '--temperature', '0', '--json'] as const

/** Without a Vulkan driver, which is all that WebGPU looks for on Linux. */
const NO_GPU = { env: { VK_DRIVER_FILES: '/nowhere', VK_ICD_FILENAMES: '/nowhere' } }

/** SwiftShader takes half a minute for a model. */
const hasAdapter = await webgpuAdapter().then(
  ({ name }) => !/swiftshader/i.test(name),
  () => false,
)

describe.skipIf(process.platform !== 'linux')('on a machine without an adapter', () => {
  it('auto takes the CPU and says why', async () => {
    const { code, stdout, stderr } = await g3([...RUN, '--backend', 'auto'], NO_GPU)
    expect(code, stderr).toBe(0)
    expect(stderr).toMatch(/^Computing on cpu: WebGPU has no adapter here[^\n]*\.$/m)
    const reason = expect.stringContaining('WebGPU has no adapter here')
    expect(JSON.parse(stdout)).toMatchObject({ backend: 'cpu', backendReason: reason })
  })

  it('webgpu is an error', async () => {
    const { code, stdout, stderr } = await g3([...RUN, '--backend', 'webgpu'], NO_GPU)
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/^g3: WebGPU has no adapter here[^\n]*\(webgpu\/unavailable\)$/m)
  })

  it('the CPU is found without a word where nothing was asked', async () => {
    const { stdout, stderr } = await g3([...RUN, '--backend', 'cpu'], NO_GPU)
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toMatchObject({ backend: 'cpu', backendReason: 'it was asked for' })
  })
})

it('threads are for the CPU', async () => {
  const { code, stderr } = await g3([...RUN, '--backend', 'webgpu', '--threads', '2'])
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('(cli/usage)') })
})

it.skipIf(!hasAdapter)('webgpu writes what the CPU writes in f32', async () => {
  const [gpu, cpu] = [
    await g3(RUN, { env: { G3_BACKEND: 'webgpu' } }),
    await g3([...RUN, '--backend', 'cpu', '--precision', 'exact']),
  ].map(({ stdout }) => JSON.parse(stdout))
  expect(gpu.backend).toBe('webgpu')
  expect(gpu.ids).toEqual(cpu.ids)
})
