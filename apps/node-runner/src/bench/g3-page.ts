// What a page needs to be an engine, bundled into one file: see g3-chromium-driver.ts.
export { blobSource } from '@g3/runtime/gguf'
export { loadG3 } from './g3-model.js'
