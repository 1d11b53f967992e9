export { webgpuAdapter, type AdapterFacts } from './adapter.js'
export { largestBinding, webgpuFootprint } from './footprint.js'
export type { WebGpuOptions } from './options.js'
export { webgpu } from './webgpu.js'
