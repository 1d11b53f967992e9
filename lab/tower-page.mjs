// What `tower.mjs --host chromium` runs in a page.
import * as lib from '../packages/backend/dist/index.js'
import { cpu } from '../packages/kernels-cpu/dist/index.js'
import { peerOf, raceLayer } from './tower-race.mjs'

/** Files of onnxruntime-web that the page fetches. */
export const RUNTIME = ['ort.wasm.min.mjs', 'ort-wasm-simd-threaded.mjs', 'ort-wasm-simd-threaded.wasm']

/** Types of weights, one after the other. */
export async function raceInPage({ types, ...sizes }) {
  if (!crossOriginIsolated) throw new Error('the page cannot share memory with threads')
  const url = new URL(`/${RUNTIME[0]}`, location.href).href
  const ort = await import(url)
  ort.env.wasm.wasmPaths = new URL('/', location.href).href
  const results = []
  for (const type of types) {
    const model = new Uint8Array(await (await fetch(`/${peerOf(type)}`)).arrayBuffer())
    results.push(
      await raceLayer({ cpu, lib, ort, model }, { ...sizes, type }, async (run) => {
        const start = performance.now()
        await run()
        return performance.now() - start
      }),
    )
  }
  return { browser: navigator.userAgent, results }
}
