import { parentPort, workerData } from 'node:worker_threads'
import { changeDevices, counted, type CountedDevice } from '@g3/kernels-webgpu/test'
import { nodeGpu } from './node-gpu.js'
import { provideWorkers, type WorkerSeed } from './web-workers.js'

// A thread of Node that a script takes for a worker of a page: see web-workers.ts. The first one gets WebGPU.

const seed: WorkerSeed = workerData
let watched: CountedDevice | undefined
let adapterName = ''

/** What the first thread tells the bench, since the last time. */
function tell() {
  return { bench: { adapter: adapterName, stored: watched?.weightsLoaded() ?? 0, counts: watched?.take() } }
}

async function provideGpu(): Promise<void> {
  const gpu = await nodeGpu()
  const requestAdapter = gpu.requestAdapter.bind(gpu)
  const { globals } = await import('webgpu')
  Object.assign(globalThis, globals)
  Object.defineProperty(navigator, 'gpu', { value: gpu })
  gpu.requestAdapter = async (options) => {
    const adapter = await requestAdapter(options)
    if (adapter === null) return null
    adapterName = adapter.info.description
    changeDevices(adapter, [], (device) => {
      watched = counted(device)
    })
    return adapter
  }
}

parentPort?.on('message', (data) => {
  if (data?.bench === 'tell') parentPort?.postMessage(tell())
  else {
    const { onmessage }: { onmessage?: (event: { data: unknown }) => void } = Object(globalThis)
    onmessage?.({ data })
  }
})
// Emscripten takes a process of this type for a page's.
Object.defineProperty(process, 'type', { value: 'renderer' })
Object.assign(globalThis, {
  self: globalThis,
  name: seed.name,
  location: { href: 'http://localhost/' },
  WorkerGlobalScope: Object,
  postMessage: parentPort?.postMessage.bind(parentPort),
})
provideWorkers(() => {})
if (seed.name === undefined) await provideGpu()
// What a page's worker would do with a script: run it in the global scope.
// oxlint-disable-next-line no-eval
;(0, eval)(seed.code)
