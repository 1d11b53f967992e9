import { ApiError } from './api-error.js'

/** The places of a model for texts, given out in the order of asking. */
export interface Slots {
  readonly total: number
  readonly taken: number
  readonly waiting: number
  /**
   * Waits for a place.
   * @throws ApiError 429 with Retry-After where too many wait already, 503 while the server drains; the signal's reason
   */
  claim(signal: AbortSignal): Promise<Disposable>
  /** Lets nobody in any more; resolves when all places are free. */
  drain(): Promise<void>
}

export interface SlotOptions {
  readonly total: number
  /** Most who may wait. */
  readonly queue: number
}

interface Waiting {
  enter(): void
  refuse(problem: unknown): void
}

/** A rough guess at when a place is free, for `Retry-After`. */
const RETRY_SECONDS = 2

export function slots({ total, queue }: SlotOptions): Slots {
  const line = new Set<Waiting>()
  let taken = 0
  const draining = Promise.withResolvers<void>()
  let isDraining = false

  const leave = (): void => {
    taken--
    const [next] = line
    next?.enter()
    if (isDraining && taken === 0) draining.resolve()
  }

  const take = (): Disposable => {
    taken++
    let isHeld = true
    return {
      [Symbol.dispose]() {
        if (!isHeld) return
        isHeld = false
        leave()
      },
    }
  }

  const refused = (): ApiError =>
    new ApiError(503, 'server_error', 'the server is shutting down', { code: 'draining', retryAfter: 10 })

  return {
    total,
    get taken() {
      return taken
    },
    get waiting() {
      return line.size
    },
    async claim(signal) {
      signal.throwIfAborted()
      if (isDraining) throw refused()
      if (taken < total && line.size === 0) return take()
      if (line.size >= queue) {
        const message = `all ${total} places are taken and ${line.size} requests wait; try again later`
        throw new ApiError(429, 'rate_limit_error', message, { code: 'queue_full', retryAfter: RETRY_SECONDS })
      }
      return new Promise<Disposable>((resolve, reject) => {
        const end = (): void => {
          line.delete(waiting)
          signal.removeEventListener('abort', giveUp)
        }
        const waiting: Waiting = {
          enter() {
            end()
            resolve(take())
          },
          refuse(problem) {
            end()
            reject(problem)
          },
        }
        const giveUp = (): void => waiting.refuse(signal.reason)
        line.add(waiting)
        signal.addEventListener('abort', giveUp)
      })
    },
    drain() {
      isDraining = true
      for (const waiting of line) waiting.refuse(refused())
      if (taken === 0) draining.resolve()
      return draining.promise
    },
  }
}
