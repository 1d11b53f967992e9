import { check } from '@g3/backend'
import { blobSource } from '@g3/runtime/gguf'
import type { G3Host } from './g3-host.js'

// What a page needs to be an engine, bundled into one file: see g3-chromium-driver.ts.
export { loadG3 } from './g3-model.js'

/** A page with the model's file in a Blob. */
export const pageHost = (model: Blob): G3Host => ({
  open: async () => blobSource(model, 'model.gguf'),
  async gpu() {
    check(navigator.gpu !== undefined, 'webgpu/unavailable', 'this browser has no WebGPU')
    return navigator.gpu
  },
})
