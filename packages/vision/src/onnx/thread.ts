import type { Reply, Request } from './protocol.js'

/** The part of `node:worker_threads` in use; named here so that a web build needs no Node types. */
interface NodeWorkerThreads {
  readonly Worker: new (source: URL) => {
    postMessage(message: Request, transfer: ArrayBuffer[]): void
    on(event: 'message', listener: (reply: Reply) => void): void
    on(event: 'error', listener: (error: Error) => void): void
    ref(): void
    unref(): void
    terminate(): Promise<number>
  }
}
declare const process: { getBuiltinModule(id: 'node:worker_threads'): NodeWorkerThreads }

/** A worker that answers one request at a time. */
export interface Thread {
  /**
   * Rejects when the worker fails.
   * @param give memory of the request that the worker takes over
   */
  ask(request: Request, give?: ArrayBuffer[]): Promise<Reply>
  terminate(): void
}

/** Starts `worker.ts` in a Web Worker or a Node worker thread. A waiting one does not keep a process alive. */
export function startThread(): Thread {
  let settle: { resolve(reply: Reply): void; reject(cause: unknown): void } | undefined
  const take = (reply: Reply): void => settle?.resolve(reply)
  const fail = (cause: unknown): void => settle?.reject(cause)
  const { send, hold, terminate } = typeof Worker === 'function' ? inPage(take, fail) : inNode(take, fail)
  return {
    async ask(request, give = []) {
      const { promise, resolve, reject } = Promise.withResolvers<Reply>()
      settle = { resolve, reject }
      hold(true)
      send(request, give)
      try {
        return await promise
      } finally {
        hold(false)
      }
    },
    terminate,
  }
}

function inPage(take: (reply: Reply) => void, fail: (cause: unknown) => void) {
  const worker = new Worker(new URL('./onnx-worker.js', import.meta.url), { type: 'module' })
  worker.addEventListener('message', ({ data }) => take(data))
  worker.addEventListener('error', ({ message }) => fail(new Error(message || 'the worker cannot be loaded')))
  return {
    send: (request: Request, give: ArrayBuffer[]) => worker.postMessage(request, give),
    hold: () => {},
    terminate: () => worker.terminate(),
  }
}

function inNode(take: (reply: Reply) => void, fail: (cause: unknown) => void) {
  const { Worker: NodeWorker } = process.getBuiltinModule('node:worker_threads')
  const worker = new NodeWorker(new URL('./onnx-worker.js', import.meta.url))
  worker.on('message', take)
  worker.on('error', fail)
  worker.unref()
  return {
    send: (request: Request, give: ArrayBuffer[]) => worker.postMessage(request, give),
    hold: (busy: boolean) => (busy ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  }
}
