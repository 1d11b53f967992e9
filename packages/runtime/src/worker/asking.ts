import type { G3Error } from '@g3/backend'
import type { Calls, Post, ToAsker } from './messages.js'
import { fromWire } from './wire-error.js'

export interface CallOptions<Event> {
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: ((event: Event) => void) | undefined
  /** Buffers of the arguments that are handed over instead of copied. */
  readonly transfer?: readonly Transferable[] | undefined
}

/** What comes of a call with items. */
export interface ItemStream<Item, Result> extends AsyncIterable<Item, void, undefined> {
  /** Once all items came, or whoever took them left. */
  readonly result: Promise<Result>
}

export interface Asking<Theirs extends Calls<Theirs>> {
  /** @throws what the other side throws; G3Error `worker/ended`; the signal's reason */
  call<Name extends keyof Theirs & string>(
    name: Name,
    args: Theirs[Name]['args'],
    options?: CallOptions<Theirs[Name]['event']>,
  ): Promise<Theirs[Name]['result']>
  /** @param ahead items that may come before they are taken, at least 1 */
  stream<Name extends keyof Theirs & string>(
    name: Name,
    args: Theirs[Name]['args'],
    ahead: number,
    options?: CallOptions<Theirs[Name]['event']>,
  ): ItemStream<Theirs[Name]['item'], Theirs[Name]['result']>
  take(message: ToAsker): void
  /** Rejects all that waits. */
  end(error: G3Error): void
}

interface Waiting {
  item(item: unknown): void
  event(event: unknown): void
  result(result: unknown): void
  error(error: unknown): void
}

/**
 * Asks the other side, and takes its answers.
 * @param post throws where the line has ended
 * @param hold told whether anything waits for an answer
 */
export function asking<Theirs extends Calls<Theirs>>(post: Post, hold: (busy: boolean) => void): Asking<Theirs> {
  const waiting = new Map<number, Waiting>()
  let count = 0

  const send = (
    name: string,
    args: unknown,
    ahead: number,
    { signal, transfer }: CallOptions<never>,
    take: Waiting,
  ): number => {
    const id = count++
    const aborted = signal?.aborted ?? false
    post({ g3: 'message', to: 'answerer', id, kind: 'call', name, args, ahead, aborted }, transfer ?? [])
    const onAbort = (): void => post({ g3: 'message', to: 'answerer', id, kind: 'abort' })
    signal?.addEventListener('abort', onAbort, { once: true })
    const end = (): void => {
      signal?.removeEventListener('abort', onAbort)
      waiting.delete(id)
      if (waiting.size === 0) hold(false)
    }
    if (waiting.size === 0) hold(true)
    waiting.set(id, {
      ...take,
      result(value) {
        end()
        take.result(value)
      },
      error(error) {
        end()
        take.error(error)
      },
    })
    return id
  }

  const call: Asking<Theirs>['call'] = (name, args, { signal, transfer, onEvent } = {}) =>
    new Promise((resolve, reject) => {
      const event = (value: unknown): void => onEvent?.(asSent(value))
      const take: Waiting = { item: () => {}, event, result: (value) => resolve(asSent(value)), error: reject }
      send(name, args, 0, { signal, transfer }, { ...take, error: (error) => reject(ownReason(error, signal)) })
    })

  const stream: Asking<Theirs>['stream'] = (name, args, ahead, { signal, transfer, onEvent } = {}) => {
    type Item = Theirs[typeof name]['item']
    const came: Item[] = []
    let wake = (): void => {}
    let over = false
    const { promise, resolve, reject } = Promise.withResolvers<Theirs[typeof name]['result']>()
    // Who iterates learns of a failure there.
    promise.catch(() => {})
    promise
      .then(
        () => {},
        () => {},
      )
      .then(() => wake())
    const id = send(
      name,
      args,
      ahead,
      { signal, transfer },
      {
        item(item) {
          came.push(asSent(item))
          wake()
        },
        event: (value) => onEvent?.(asSent(value)),
        result(value) {
          over = true
          resolve(asSent(value))
        },
        error(error) {
          over = true
          reject(ownReason(error, signal))
        },
      },
    )

    async function* items(): AsyncGenerator<Item, void, undefined> {
      const grant = Math.max(1, ahead >> 1)
      let taken = 0
      try {
        for (;;) {
          for (let item = came.shift(); item !== undefined; item = came.shift()) {
            yield item
            if (++taken < grant || over) continue
            post({ g3: 'message', to: 'answerer', id, kind: 'more', count: taken })
            taken = 0
          }
          if (over) break
          await new Promise<void>((resume) => (wake = resume))
        }
      } finally {
        if (!over) post({ g3: 'message', to: 'answerer', id, kind: 'leave' })
      }
      await promise
    }
    const iterator = items()
    return { result: promise, [Symbol.asyncIterator]: () => iterator }
  }

  return {
    call,
    stream,
    take(message) {
      const asked = waiting.get(message.id)
      switch (message.kind) {
        case 'item':
          return asked?.item(message.item)
        case 'event':
          return asked?.event(message.event)
        case 'result':
          return asked?.result(message.result)
        case 'error':
          return asked?.error(message.aborted ? ABORTED : fromWire(message.error))
        default:
          return message satisfies never
      }
    },
    end(error) {
      for (const asked of waiting.values()) asked.error(error)
    },
  }
}

/** Stands for the reason of an abort until it is replaced by the caller's own. */
const ABORTED = Symbol('aborted')

/** Reasons need not be cloneable, and who aborts knows theirs. */
const ownReason = (error: unknown, signal: AbortSignal | undefined): unknown =>
  error === ABORTED ? (signal?.reason ?? new DOMException('the call was aborted', 'AbortError')) : error

/** What the other side sends is what the call's type says: both are built from the same `calls.ts`. */
function asSent<T>(value: unknown): T
function asSent(value: unknown): unknown {
  return value
}
