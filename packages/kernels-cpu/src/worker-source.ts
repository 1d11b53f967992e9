/** What a worker gets as its first message. */
export interface WorkerStart {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly thread: number
  readonly threads: number
  readonly sync: number
  readonly queue: number
  readonly jobs: number
}

/**
 * A worker's whole program, for `eval`, a Blob or a file of one's own (`workerUrl`): instantiate, then serve jobs inside WASM.
 * It runs as a Web Worker and as a Node worker thread.
 */
export const WORKER_SOURCE = `
const start = async ({ module, memory, thread, threads, sync, queue, jobs }) => {
  const abort = () => { throw new Error('kernel aborted') }
  const { exports } = await WebAssembly.instantiate(module, { env: { memory, abort } })
  exports.setup(sync, thread, threads)
  for (;;) exports.serve(queue, jobs)
}
if (typeof self === 'object' && typeof self.postMessage === 'function') self.onmessage = (event) => start(event.data)
else process.getBuiltinModule('node:worker_threads').parentPort.once('message', start)
`
