// Encodes one image with an encoder of the published size and random f16 weights, and prints how much the process grew beside its
// weights:  node tower-growth.mjs [layers to run, of 27]
import { cpu } from '@g3/kernels-cpu'
import { loadTower, SIGLIP_896, towerTensors } from '@g3/vision'

const most = Number(process.argv[2] ?? SIGLIP_896.layers)
const sizes = new Map(towerTensors(SIGLIP_896).map((tensor) => [tensor.name, tensor]))

/** Weights of ±2^-6 and ±2^-7, so that nothing grows out of bounds. Vectors are f32, as in an mmproj. */
function tensor(name) {
  const { rows, cols } = sizes.get(name)
  const isVector = rows === 1
  let state = 1
  return {
    name,
    type: isVector ? 'F32' : 'F16',
    rows,
    cols,
    async read(_, into) {
      if (isVector) return void new Float32Array(into.buffer, into.byteOffset, into.length / 4).fill(0.5)
      const halves = new Uint16Array(into.buffer, into.byteOffset, into.length / 2)
      for (let i = 0; i < halves.length; i++) {
        state = (Math.imul(state, 1664525) + 1013904223) | 0
        halves[i] = (state & 0x8000) | (state & 0x4000 ? 0x2400 : 0x2000)
      }
    },
  }
}

const backend = await cpu({ threads: 2 })
const before = process.resourceUsage().maxRSS * 1024
const tower = await loadTower(backend, tensor, SIGLIP_896)
const loaded = process.resourceUsage().maxRSS * 1024
const pixels = Float32Array.from({ length: 3 * 896 * 896 }, (_, i) => Math.sin(i))
const abort = new AbortController()
let layers = 0
const onProgress = (done) => {
  layers = done
  if (done >= most) abort.abort()
}
await tower.encode(pixels, { signal: abort.signal, onProgress }).catch((error) => {
  if (!abort.signal.aborted) throw error
})
const weights = [...sizes.values()].reduce((sum, { rows, cols }) => sum + rows * cols * (rows === 1 ? 4 : 2), 0)
const peak = process.resourceUsage().maxRSS * 1024
console.log(JSON.stringify({ layers, weights, before, loaded, peak, beside: peak - weights }))
process.exit(0)
