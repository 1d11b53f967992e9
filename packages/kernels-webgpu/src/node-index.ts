import { webgpuAdapter as adapterOf, type AdapterFacts } from './adapter.js'
import { nodeGpu } from './node-gpu.js'
import type { WebGpuOptions } from './options.js'
import { webgpu as webgpuOf } from './webgpu.js'

export type { AdapterFacts } from './adapter.js'
export { largestBinding, webgpuFootprint } from './footprint.js'
export type { WebGpuOptions } from './options.js'

/**
 * As in a browser; without a device, an adapter or `navigator.gpu` the package `webgpu` gives one.
 * @throws G3Error `webgpu/unavailable`, `webgpu/options`
 */
export const webgpu = async (options: WebGpuOptions = {}): ReturnType<typeof webgpuOf> =>
  webgpuOf(await withGpu(options))

/** As in a browser, with {@link webgpu}'s default. @throws G3Error `webgpu/unavailable` */
export const webgpuAdapter = async (options: Pick<WebGpuOptions, 'adapter' | 'gpu'> = {}): Promise<AdapterFacts> =>
  adapterOf(await withGpu(options))

async function withGpu(options: WebGpuOptions): Promise<WebGpuOptions> {
  const given = options.device ?? options.adapter ?? options.gpu ?? globalThis.navigator?.gpu
  return given === undefined ? { ...options, gpu: await nodeGpu() } : options
}
