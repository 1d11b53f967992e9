import { create } from 'webgpu'

/** An adapter for tests, or why there is none. */
export interface TestGpu {
  readonly gpu: GPU
  /** Empty where an adapter was found. */
  readonly missing: string
  /** Whether the adapter is SwiftShader, which takes 10 to 20 times as long as lavapipe. */
  readonly isSlow: boolean
  readonly hasF16: boolean
}

/**
 * What `webgpu` finds with the Vulkan driver of this machine; `npm test` names a software driver where there is no GPU.
 * @throws Error without an adapter where G3_GPU is `required`, as it is in CI: a skipped suite must not pass for a green one
 */
export async function testGpu(): Promise<TestGpu> {
  const gpu = create([])
  const adapter = await gpu.requestAdapter()
  if (adapter !== null) {
    const isSlow = /swiftshader/i.test(adapter.info.description)
    return { gpu, missing: '', isSlow, hasF16: adapter.features.has('shader-f16') }
  }
  const missing = 'no WebGPU adapter: install a Vulkan driver, e.g. Mesa 25 or newer (lavapipe), or run npm test'
  if (process.env.G3_GPU === 'required') throw new Error(`G3_GPU is required, but there is ${missing}`)
  console.warn(`skipped: ${missing}`)
  return { gpu, missing, isSlow: false, hasF16: false }
}

/** A device on which `fast` multiplies like this: as on a GPU that has nothing faster. */
export async function fastDevice(gpu: GPU, multiplies: 'dp4a' | 'f16' | 'f32'): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter()
  if (adapter === null) throw new Error('the adapter has gone')
  const requiredFeatures: GPUFeatureName[] = multiplies === 'f16' ? ['shader-f16'] : []
  const device = await adapter.requestDevice({ requiredFeatures })
  const create = device.createShaderModule.bind(device)
  if (multiplies !== 'dp4a') {
    device.createShaderModule = (descriptor) =>
      create(descriptor.label === 'dp4a' ? { code: 'requires what_no_gpu_has;' } : descriptor)
  }
  return device
}
