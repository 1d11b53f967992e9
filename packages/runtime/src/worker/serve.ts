import { G3Error } from '@g3/backend'
import { serveClient } from './client.js'
import { heldModels, type OpenWished } from './held-models.js'
import { portOf } from './port.js'
import { isConnect } from './worker-like.js'

export interface ServeOptions {
  /**
   * Opens the backend that models of this worker run on, given what the page wishes; `autoBackend` of
   * `@g3/runtime/auto` takes a wish as it is: `(workload, wish) => autoBackend({ ...wish, workload })`.
   */
  readonly backend: OpenWished
}

/** The part of `node:worker_threads` in use. */
interface NodeThreads {
  readonly parentPort: { on(event: 'message', listener: (message: unknown) => void): void } | null
}
declare const process: { getBuiltinModule?(id: 'node:worker_threads'): NodeThreads } | undefined

/** The part of a worker's global scope in use. */
interface Scope {
  addEventListener(type: 'message' | 'connect', listener: (event: MessageEvent<unknown>) => void): void
}

/**
 * Makes this thread a worker that holds models for pages: a dedicated or a shared worker of the web, or a worker thread of
 * Node. To be called while the worker's program starts, for messages that came before are lost.
 * @throws G3Error `worker/not-a-worker` outside of a worker
 */
export function serve({ backend }: ServeOptions): void {
  const load = heldModels(backend)
  const listen = (message: unknown): void => {
    if (isConnect(message)) serveClient(portOf(message.port, false), load)
  }
  const scope = webScope()
  if (scope !== undefined) {
    scope.addEventListener('message', ({ data }) => listen(data))
    scope.addEventListener('connect', ({ ports }) => {
      for (const port of ports) {
        port.addEventListener('message', ({ data }) => listen(data))
        port.start()
      }
    })
    return
  }
  const parent = typeof process === 'object' ? process.getBuiltinModule?.('node:worker_threads').parentPort : undefined
  if (!parent) {
    throw new G3Error('worker/not-a-worker', 'serve() belongs into the program of a worker: start one with this file')
  }
  parent.on('message', listen)
}

/** The scope of a web worker: one that imports scripts or has no document. */
const webScope = (): Scope | undefined =>
  'WorkerGlobalScope' in globalThis && typeof document === 'undefined' ? globalThis : undefined
