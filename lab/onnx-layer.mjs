// A layer of `tower-onnx.py` in onnxruntime-web's WASM, for `tower.mjs` and its page.

/**
 * Returns a run of the layer on rows of a sine.
 * @param ort onnxruntime-web
 * @param {Uint8Array} model
 * @param {{ threads: number, rows: number, width: number }} sizes rows as in the model
 */
export async function onnxLayer(ort, model, { threads, rows, width }) {
  ort.env.wasm.numThreads = threads
  ort.env.logLevel = 'error'
  const session = await ort.InferenceSession.create(model, { executionProviders: ['wasm'] })
  const values = Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i))
  const x = new ort.Tensor('float32', values, [1, rows, width])
  return {
    async run() {
      const { y } = await session.run({ x })
      y.dispose()
    },
    dispose: () => session.release(),
  }
}
