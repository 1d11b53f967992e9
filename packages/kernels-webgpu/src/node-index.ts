import type { Backend } from '@g3/backend'
import { nodeGpu } from './node-gpu.js'
import type { WebGpuOptions } from './options.js'
import { webgpu as webgpuOf } from './webgpu.js'

export { webgpuFootprint } from './footprint.js'
export type { WebGpuOptions } from './options.js'

/**
 * As in a browser; without a device, an adapter or `navigator.gpu` the package `webgpu` gives one.
 * @throws G3Error `webgpu/unavailable`
 */
export async function webgpu(options: WebGpuOptions = {}): Promise<Backend> {
  const given = options.device ?? options.adapter ?? options.gpu ?? globalThis.navigator?.gpu
  return webgpuOf(given === undefined ? { ...options, gpu: await nodeGpu() } : options)
}
