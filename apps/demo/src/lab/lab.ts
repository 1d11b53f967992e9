import { G3Error } from '@g3/backend'
import type { FromLab, FromPage, LabCalls } from './calls.js'
import type { LabLine } from './line.js'

export interface LabOptions<Item> {
  readonly signal?: AbortSignal
  readonly onItem?: (item: Item) => void
}

/** A worker for the pages that take models apart. */
export interface Lab {
  /** @throws G3Error as the page's work; `lab/ended`; the signal's reason */
  call<Name extends keyof LabCalls>(
    name: Name,
    args: LabCalls[Name]['args'],
    options?: LabOptions<LabCalls[Name]['item']>,
  ): Promise<LabCalls[Name]['result']>
  /** Ends the worker, with all that it holds. */
  close(): void
}

interface Waiting {
  readonly resolve: (result: never) => void
  readonly reject: (error: unknown) => void
  readonly onItem: ((item: never) => void) | undefined
}

/** Starts the lab with the first call: the same program as the chat's worker, in a thread of its own. */
export function lab(): Lab {
  const waiting = new Map<number, Waiting>()
  let last = 0
  let line: { readonly worker: Worker; readonly port: MessagePort } | undefined

  const close = (message = 'the page was left'): void => {
    line?.worker.terminate()
    line?.port.close()
    line = undefined
    for (const { reject } of waiting.values()) reject(new G3Error('lab/ended', message))
    waiting.clear()
  }

  const hear = ({ data }: MessageEvent<FromLab>): void => {
    const caller = waiting.get(data.id)
    if (caller === undefined) return
    switch (data.kind) {
      case 'item':
        return caller.onItem?.(data.item as never)
      case 'done':
        waiting.delete(data.id)
        return caller.resolve(data.result as never)
      case 'failed':
        waiting.delete(data.id)
        return caller.reject(new G3Error(data.code, data.message))
      default:
        return data satisfies never
    }
  }

  const start = () => {
    const worker = new Worker(new URL('../engine/worker.ts', import.meta.url), { type: 'module', name: 'g3-lab' })
    const { port1, port2 } = new MessageChannel()
    port1.addEventListener('message', hear)
    port1.start()
    worker.addEventListener('error', () => close('the worker of this page ended: reload the page'))
    worker.postMessage({ lab: port2 } satisfies LabLine, [port2])
    return { worker, port: port1 }
  }

  return {
    call(name, args, { signal, onItem } = {}) {
      if (signal?.aborted) return Promise.reject(signal.reason)
      const { port } = (line ??= start())
      const id = ++last
      const send = (message: FromPage): void => port.postMessage(message)
      return new Promise((resolve, reject) => {
        waiting.set(id, { resolve, reject, onItem })
        signal?.addEventListener(
          'abort',
          () => {
            if (!waiting.delete(id)) return
            send({ kind: 'abort', id })
            reject(signal.reason)
          },
          { once: true },
        )
        send({ kind: 'call', id, name, args })
      })
    },
    close: () => close(),
  }
}
