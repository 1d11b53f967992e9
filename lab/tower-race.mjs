// A whole layer of an image encoder, ours beside onnxruntime-web's WASM by turns: for Node and, in `tower-page.mjs`, for a page.
import { onnxLayer } from './onnx-layer.mjs'
import { towerLayer, WIDTH } from './tower-layer.mjs'

/** The model of `tower-onnx.py` that a type of weights runs beside. */
export const peerOf = (type) => (type === 'Q8_0' ? 'layer-int8.onnx' : 'layer-f32.onnx')

/**
 * Milliseconds of each round, ours and theirs. A first round is not counted: its code is not optimised yet.
 * @param {{ cpu: Function, lib: object, ort: object, model: Uint8Array }} engines of `@g3/kernels-cpu`, `@g3/backend`, onnxruntime-web
 * @param {{ type: string, threads: number, precision: string, rows: number, rounds: number }} sizes
 * @param {(run: () => Promise<void>) => Promise<number>} timed
 */
export async function raceLayer({ cpu, lib, ort, model }, { type, threads, precision, rows, rounds }, timed) {
  const backend = await cpu({ threads, precision })
  const { programs } = await towerLayer(backend, lib, { type, rows })
  const theirs = await onnxLayer(ort, model, { threads, rows, width: WIDTH })
  const found = { ours: [], theirs: [] }
  for (let round = 0; round <= rounds; round++) {
    const [mine, other] = [await timed(programs[0].run), await timed(theirs.run)]
    if (round === 0) continue
    found.ours.push(mine)
    found.theirs.push(other)
  }
  await theirs.dispose()
  await backend.dispose()
  return { type, description: backend.caps.description, version: ort.env.versions.web, ...found }
}
