import { check, type G3Error } from '@g3/backend'
import type { Calls, Post, ToAnswerer } from './messages.js'
import { toWire } from './wire-error.js'

/** What whoever answers a call can do meanwhile. */
export interface Answering<Item, Event> {
  /** Aborts when the caller does, and when the line ends. */
  readonly signal: AbortSignal
  /** Whether the caller takes items, or waits for the result alone. */
  readonly wantsItems: boolean
  /** Sends an item and waits until there is room for another. @returns false once no more are wanted */
  item(item: Item, transfer?: readonly Transferable[]): Promise<boolean>
  event(event: Event): void
  /** Hands buffers of the result over instead of copying them. */
  transfer(...buffers: readonly Transferable[]): void
}

export type Handlers<Mine extends Calls<Mine>> = {
  readonly [name in keyof Mine]: (
    args: Mine[name]['args'],
    answering: Answering<Mine[name]['item'], Mine[name]['event']>,
  ) => Promise<Mine[name]['result']>
}

/** Of a call whose types the asker keeps: both sides are built from the same `calls.ts`. */
type Handler = (args: never, answering: Answering<unknown, unknown>) => Promise<unknown>

interface Running {
  readonly done: Promise<void>
  readonly abort: AbortController
  more(count: number): void
  leave(): void
}

/** Runs what the other side asks for. */
export function answering<Mine extends Calls<Mine>>(post: Post, handlers: Handlers<Mine>) {
  const running = new Map<number, Running>()
  const known = new Map<string, Handler>(Object.entries(handlers))

  async function answer(id: number, name: string, args: unknown, ahead: number, aborted: boolean): Promise<void> {
    const abort = new AbortController()
    const buffers: Transferable[] = []
    let room = ahead
    let left = ahead === 0
    let wake = (): void => {}
    const givesUp = (): void => {
      left = true
      wake()
    }
    abort.signal.addEventListener('abort', () => wake())
    const { promise: done, resolve: settle } = Promise.withResolvers<void>()
    running.set(id, {
      done,
      abort,
      more(count) {
        room += count
        wake()
      },
      leave: givesUp,
    })
    if (aborted) abort.abort()
    try {
      const handler = known.get(name)
      check(
        handler !== undefined,
        'worker/protocol',
        () => `the other thread asks for "${name}", which is of another version: reload both`,
      )
      const result = await handler(asSent(args), {
        signal: abort.signal,
        wantsItems: !left,
        async item(item, transfer) {
          if (left) return false
          post({ g3: 'message', to: 'asker', id, kind: 'item', item }, transfer)
          room--
          // Who aborts is heard by what makes the items.
          while (room <= 0 && !left && !abort.signal.aborted) await new Promise<void>((resolve) => (wake = resolve))
          return !left
        },
        event: (event) => post({ g3: 'message', to: 'asker', id, kind: 'event', event }),
        transfer: (...more) => void buffers.push(...more),
      })
      post({ g3: 'message', to: 'asker', id, kind: 'result', result }, buffers)
    } catch (error) {
      const isReason = abort.signal.aborted && error === abort.signal.reason
      post({ g3: 'message', to: 'asker', id, kind: 'error', error: toWire(error), aborted: isReason })
    } finally {
      running.delete(id)
      settle()
    }
  }

  return {
    take(message: ToAnswerer): void {
      const run = running.get(message.id)
      switch (message.kind) {
        case 'call':
          void answer(message.id, message.name, message.args, message.ahead, message.aborted)
          return
        case 'more':
          return run?.more(message.count)
        case 'leave':
          return run?.leave()
        case 'abort':
          return run?.abort.abort()
        default:
          return message satisfies never
      }
    },
    /** Aborts all that runs. @returns once it has ended */
    async end(error: G3Error): Promise<void> {
      const all = [...running.values()]
      for (const run of all) {
        run.leave()
        run.abort.abort(error)
      }
      await Promise.all(all.map(({ done }) => done))
    },
  }
}

function asSent(args: unknown): never
function asSent(args: unknown): unknown {
  return args
}
