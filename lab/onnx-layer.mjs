// A layer of `tower-onnx.py` in onnxruntime-web's WASM, for `tower.mjs`.
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/**
 * Returns a run of the layer on rows of a sine.
 * @param {string} folder where onnxruntime-web was installed
 * @param {string} model
 * @param {{ threads: number, rows: number, width: number }} sizes rows as in the model
 */
export async function onnxLayer(folder, model, { threads, rows, width }) {
  const dist = join(resolve(folder), 'node_modules/onnxruntime-web/dist/')
  const { default: ort } = await import(pathToFileURL(`${dist}ort.node.min.mjs`).href)
  ort.env.wasm.numThreads = threads
  ort.env.wasm.wasmPaths = pathToFileURL(dist).href
  ort.env.logLevel = 'error'
  const session = await ort.InferenceSession.create(new Uint8Array(await readFile(model)), {
    executionProviders: ['wasm'],
  })
  const values = Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i))
  const x = new ort.Tensor('float32', values, [1, rows, width])
  return {
    version: ort.env.versions.web,
    async run() {
      const { y } = await session.run({ x })
      y.dispose()
    },
  }
}
