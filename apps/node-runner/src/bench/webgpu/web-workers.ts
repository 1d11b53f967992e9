import { resolveObjectURL } from 'node:buffer'
import { fileURLToPath } from 'node:url'
import { Worker, type Transferable } from 'node:worker_threads'
import type { Counts } from '@g3/kernels-webgpu/test'

/** What a worker's thread starts with. */
export interface WorkerSeed {
  readonly code: string
  /** Of the worker, as its maker calls it; the bench's own have none. */
  readonly name: string | undefined
}

/** What a worker with WebGPU tells. */
export interface GpuNews {
  readonly adapter: string
  /** Bytes that were uploaded before it told the first time. */
  readonly stored: number
  /** Since it told the last time; undefined where no device was asked for. */
  readonly counts: Counts | undefined
}

/** As the build names it, beside the command. */
const THREAD = fileURLToPath(new URL('./bench-web-worker.js', import.meta.url))

/** A page's worker, as far as Emscripten's programs need it. */
interface WebWorker {
  onmessage: ((event: { readonly data: unknown }) => void) | null
  onerror: ((error: unknown) => void) | null
  postMessage(data: unknown, transfer?: readonly Transferable[]): void
  terminate(): void
}

/**
 * Gives this thread the `Worker` of a page for scripts in Blobs: a thread of Node for each.
 * @param onStart gets each thread
 */
export function provideWorkers(onStart: (thread: Worker) => void): void {
  const start = async (url: string, name: string | undefined, worker: WebWorker): Promise<Worker> => {
    const code = await resolveObjectURL(url)?.text()
    if (code === undefined) throw new Error(`${url} is no Blob of this thread`)
    const workerData: WorkerSeed = { code, name }
    const thread = new Worker(THREAD, { workerData })
    thread.on('message', (data) => worker.onmessage?.({ data }))
    thread.on('error', (error) => worker.onerror?.(error))
    onStart(thread)
    return thread
  }
  // Not an arrow: it is called with `new`.
  function PageWorker(url: string, { name }: { readonly name?: string } = {}): WebWorker {
    const worker: WebWorker = {
      onmessage: null,
      onerror: null,
      postMessage: (data, transfer = []) => void thread.then((started) => started.postMessage(data, transfer)),
      terminate: () => void thread.then((started) => started.terminate()),
    }
    const thread = start(url, name, worker)
    thread.catch((error: unknown) => worker.onerror?.(error))
    return worker
  }
  Object.assign(globalThis, { Worker: PageWorker })
}

/** Makes this thread look like a page with WebGPU to scripts that compute in workers. @returns what the first one tells */
export function openPage(): () => Promise<GpuNews> {
  const { promise: first, resolve } = Promise.withResolvers<Worker>()
  provideWorkers(resolve)
  Object.assign(globalThis, { self: globalThis, location: { href: 'http://localhost/' } })
  // Asked only whether it is there: workers have the real one.
  Object.defineProperty(navigator, 'gpu', { value: {} })
  return async () => {
    const thread = await first
    return new Promise((tell) => {
      const listen = (data: { readonly bench?: GpuNews } | undefined): void => {
        if (data?.bench === undefined) return
        thread.off('message', listen)
        tell(data.bench)
      }
      thread.on('message', listen)
      thread.postMessage({ bench: 'tell' })
    })
  }
}
