import type { Readable, Writable } from 'node:stream'

type Fields = Readonly<Record<string, unknown>>

/** What the browser tells unasked. */
export interface BrowserEvent {
  readonly method: string
  readonly params: Fields
  readonly sessionId: string | undefined
}

/** The DevTools protocol over pipes: texts of JSON, each with a zero byte behind it. */
export interface Connection {
  /** @throws Error what the browser says is wrong, or that it ended */
  send(method: string, params?: Fields, sessionId?: string): Promise<Fields>
  listen(listener: (event: BrowserEvent) => void): () => void
  end(reason: Error): void
}

interface Waiting {
  readonly method: string
  resolve(result: Fields): void
  reject(error: Error): void
}

export function connection(to: Writable, from: Readable): Connection {
  const waiting = new Map<number, Waiting>()
  const listeners = new Set<(event: BrowserEvent) => void>()
  let count = 0
  let ended: Error | undefined
  let rest: Buffer = Buffer.alloc(0)

  const receive = (text: string): void => {
    const message = fieldsOf(JSON.parse(text))
    const { id, method, params, result, error, sessionId } = message
    if (typeof id === 'number') {
      const asked = waiting.get(id)
      waiting.delete(id)
      if (error === undefined) asked?.resolve(fieldsOf(result))
      else asked?.reject(new Error(`${asked.method}: ${JSON.stringify(error)}`))
      return
    }
    const session = typeof sessionId === 'string' ? sessionId : undefined
    for (const listener of listeners) listener({ method: String(method), params: fieldsOf(params), sessionId: session })
  }

  from.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes])
    for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
      const text = rest.subarray(0, end).toString()
      rest = rest.subarray(end + 1)
      receive(text)
    }
  })

  return {
    send(method, params = {}, sessionId) {
      if (ended) return Promise.reject(ended)
      const { promise, resolve, reject } = Promise.withResolvers<Fields>()
      const id = ++count
      waiting.set(id, { method, resolve, reject })
      to.write(`${JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) })}\0`)
      return promise
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    end(reason) {
      ended = reason
      for (const { reject } of waiting.values()) reject(reason)
      waiting.clear()
    },
  }
}

export const fieldsOf = (value: unknown): Fields =>
  typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {}
