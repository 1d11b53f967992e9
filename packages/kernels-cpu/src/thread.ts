import { worker as workerSource } from './generated/worker.js'
import type { WorkerStart } from './worker.js'

/** The part of `node:worker_threads` in use; named here so that a web build needs no Node types. */
interface NodeWorkerThreads {
  readonly Worker: new (source: string | URL) => {
    postMessage(message: unknown): void
    on(event: 'error', listener: (error: unknown) => void): void
    ref(): void
    unref(): void
    terminate(): Promise<number>
  }
}
declare const process: { getBuiltinModule?(id: 'node:worker_threads'): NodeWorkerThreads | undefined }

/** Whether there are Web Workers. In Node some libraries, as onnxruntime-web, leave Node's own under that name. */
const hasWebWorkers = (): boolean =>
  typeof Worker === 'function' &&
  !(typeof process === 'object' && Object.is(Worker, process.getBuiltinModule?.('node:worker_threads')?.Worker))

/** A worker that runs `worker.ts`. */
export interface Thread {
  send(message: WorkerStart): void
  onError(report: (error: unknown) => void): void
  /** Whether a busy thread keeps the process alive. */
  hold(busy: boolean): void
  terminate(): void
}

/** Starts a Web Worker or a Node worker thread. `workerUrl`: a file with its program, where a page's policy wants one. */
export const startThread = (workerUrl: string | URL | undefined): Thread => {
  if (hasWebWorkers()) {
    const url = workerUrl ?? URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }))
    // The program would do as a classic script, too, but Deno has none.
    const worker = new Worker(url, { type: 'module' })
    return {
      send: (message) => worker.postMessage(message),
      onError: (report) => worker.addEventListener('error', (event) => report(event.message)),
      hold: () => {},
      terminate: () => worker.terminate(),
    }
  }
  const node = process.getBuiltinModule?.('node:worker_threads')
  if (node === undefined) throw new TypeError('this host has neither Web Workers nor worker threads')
  const { Worker: NodeWorker } = node
  // A data URL and not `eval`: module hooks that a program registers are asked about a worker's source too, and need an address.
  const worker = new NodeWorker(workerUrl ?? new URL(`data:text/javascript,${encodeURIComponent(workerSource)}`))
  worker.unref()
  return {
    send: (message) => worker.postMessage(message),
    onError: (report) => worker.on('error', report),
    hold: (busy) => (busy ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  }
}
