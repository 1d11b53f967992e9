import type { Context } from 'hono'
import { streamSSE, type SSEStreamingApi } from 'hono/streaming'
import { apiError, errorBody } from './api-error.js'

/** Sends one event; resolves when the client has taken it, so that nothing piles up for one who reads slowly. */
export type Send = (event: unknown, name?: string) => Promise<void>

export interface Events {
  /** Called when the client has left. */
  stop(): void
  /** Told of a failure, which becomes an event: the status has gone out. */
  note(problem: unknown): void
  write(send: Send): Promise<void>
  /** What comes last, whatever happened. */
  readonly end?: string
}

/** Answers with server-sent events. */
export function sendEvents(c: Context, { stop, note, write, end }: Events): Response {
  return streamSSE(c, async (stream: SSEStreamingApi) => {
    stream.onAbort(stop)
    const send: Send = async (event, name) =>
      stream.writeSSE({ data: JSON.stringify(event), ...(name !== undefined && { event: name }) })
    try {
      await write(send)
    } catch (problem) {
      if (stream.aborted) return
      note(problem)
      await send(errorBody(apiError(problem)), end === undefined ? 'error' : undefined)
    }
    if (end !== undefined) await stream.writeSSE({ data: end })
  })
}
