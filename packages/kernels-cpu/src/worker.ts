import { link } from './link.js'
import type { Kernels } from './wasm.js'

/** What a worker is sent: the first memory to start with, later each that is opened. */
export interface WorkerStart {
  readonly module: WebAssembly.Module
  readonly memory: WebAssembly.Memory
  readonly thread: number
  readonly threads: number
  /** Where the threads meet, in this memory. */
  readonly sync: number
  /** Where jobs lie, in the first memory. */
  readonly queue: number
  readonly jobs: number
}

/** The part of `node:worker_threads` in use; named here so that a web build needs no Node types. */
interface ParentPort {
  on(event: 'message', listener: (message: WorkerStart) => void): void
}
declare const process: { getBuiltinModule(id: 'node:worker_threads'): { readonly parentPort: ParentPort } }

/*
 * A worker's whole program, a Web Worker's and a Node worker thread's. It is bundled into one text, see `tooling/worker`.
 * Between messages it serves jobs inside WASM.
 */
const instances = link(() => {
  throw new Error('kernel aborted')
})
let first: Kernels | undefined

const receive = ({ module, memory, thread, threads, sync, queue, jobs }: WorkerStart): void => {
  const kernels = new WebAssembly.Instance(module, instances.imports(memory)).exports as object as Kernels
  kernels.setup(sync, thread, threads)
  instances.add(memory, kernels)
  first ??= kernels
  do instances.refresh()
  while (first.serve(queue, jobs))
}

if (typeof self === 'object' && typeof self.postMessage === 'function') {
  self.onmessage = (event: MessageEvent<WorkerStart>) => receive(event.data)
} else process.getBuiltinModule('node:worker_threads').parentPort.on('message', receive)
