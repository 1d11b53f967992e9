import { isG3Error, type Backend } from '@g3/backend'
import { tensor } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import { testGpu } from './testing/gpu.js'
import { smallModel } from './testing/small-model.js'
import { webgpu } from './webgpu.js'

const { gpu, missing } = await testGpu()

async function openDevice(): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter()
  return (adapter ?? expect.fail(missing)).requestDevice()
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'went through',
    (error: unknown) => (isG3Error(error) ? error.code : String(error)),
  )

const matrix = () => tensor('m', 'F32', 8, 64, new Float32Array(512))

describe.skipIf(missing !== '')('what goes wrong on the GPU', () => {
  describe('a lost device of the caller', () => {
    const phases: readonly (readonly [string, (backend: Backend, device: GPUDevice) => Promise<unknown>])[] = [
      [
        'before a tensor is loaded',
        async (backend, device) => {
          device.destroy()
          await device.lost
          await backend.load(matrix())
        },
      ],
      [
        'while a tensor is read',
        async (backend, device) => {
          await backend.load({
            ...matrix(),
            read: async () => {
              device.destroy()
              await device.lost
            },
          })
        },
      ],
      [
        'after a prompt',
        async (backend, device) => {
          const model = await smallModel(backend)
          model.prompt([1, 2, 3])
          device.destroy()
          await model.picked()
        },
      ],
      [
        'while a token is awaited, and for good',
        async (backend, device) => {
          const model = await smallModel(backend)
          model.prompt([1, 2, 3])
          const picked = model.picked()
          device.destroy()
          expect(await codeOf(picked)).toBe('backend/lost')
          model.step(1, 3)
          await model.picked()
        },
      ],
    ]
    for (const [name, lose] of phases) {
      it(name, async () => {
        const device = await openDevice()
        const backend = await webgpu({ device })
        expect(await codeOf(lose(backend, device))).toMatch(/lost|unavailable/)
        expect(await codeOf(Promise.resolve(backend.recovery?.recover()))).toBe('webgpu/unavailable')
        await backend.dispose()
      })
    }
  })

  it('a refused command is thrown by the next wait, once', async () => {
    const device = await openDevice()
    await using backend = await webgpu({ device })
    const model = await smallModel(backend)
    model.prompt([1, 2, 3])
    device.createBuffer({ label: 'wrong', size: 16, usage: 0 })
    expect(await codeOf(model.picked())).toBe('webgpu/invalid')
    expect(await codeOf(model.picked())).toBe('went through')
  })

  it('a kernel that the driver does not take is named', async () => {
    const device = await openDevice()
    Object.defineProperty(device, 'createComputePipelineAsync', { value: () => Promise.reject(new Error('no')) })
    await using backend = await webgpu({ device, selfCheck: false })
    const model = await smallModel(backend)
    model.prompt([1, 2, 3])
    expect(await codeOf(model.picked())).toBe('webgpu/compile')
    model.prompt([1, 2, 3])
    expect(await codeOf(model.picked())).toBe('webgpu/compile')
  })

  it('what no binding holds is refused with its bytes', async () => {
    await using backend = await webgpu({ gpu, limits: { minimum: true } })
    expect(() => backend.buffer('b', 4096, 8193)).toThrow(/134742016 bytes/)
    const spec = { label: 'c', layers: 1, pages: 2048, tableEntries: 1, kvHeads: 1, headDim: 256, type: 'f32' } as const
    expect(() => backend.cache(spec)).toThrow(/268435456 bytes/)
  })

  it('a read that a disposal cuts off says so', async () => {
    const backend = await webgpu({ gpu })
    const model = await smallModel(backend)
    model.prompt([1, 2, 3])
    const picked = codeOf(model.picked())
    await backend.dispose()
    expect(['backend/disposed', 'went through']).toContain(await picked)
  })

  it("leaves the caller's device open", async () => {
    const device = await openDevice()
    await (await webgpu({ device })).dispose()
    await using backend = await webgpu({ device })
    const model = await smallModel(backend)
    model.prompt([1])
    expect(await codeOf(model.picked())).toBe('went through')
    device.destroy()
  })
})
