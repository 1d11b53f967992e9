export { webgpuFootprint } from './footprint.js'
export type { WebGpuOptions } from './options.js'
export { webgpu } from './webgpu.js'
