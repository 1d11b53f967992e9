import type { Context } from 'hono'
import { streamSSE, type SSEStreamingApi } from 'hono/streaming'
import { apiError, errorBody, type ApiError } from './api-error.js'

/** Sends one event; resolves when the client has taken it, so that nothing piles up for one who reads slowly. */
export type Send = (event: unknown, name?: string) => Promise<void>

export interface Events {
  /** Waits for a place for the first text. */
  claim(): Promise<Disposable>
  /** Called when the client has left. */
  stop(): void
  /** Told of a failure, which becomes an event: the status has gone out. */
  note(problem: unknown): void
  /** @param place of the first text */
  write(send: Send, place: Disposable): Promise<void>
  /** Tells the client of a failure; without it, that is an event of the error's body. */
  fail?(send: Send, error: ApiError): Promise<void>
  /** What comes last, whatever happened. */
  readonly end?: string
}

/**
 * Answers with server-sent events, once there is a place to write: what is wrong until then has a status of its own.
 * @throws what `claim` throws
 */
export async function sendEvents(c: Context, { claim, stop, note, write, fail, end }: Events): Promise<Response> {
  const place = await claim()
  return streamSSE(c, async (stream: SSEStreamingApi) => {
    using _ = place
    stream.onAbort(stop)
    const send: Send = async (event, name) =>
      stream.writeSSE({ data: JSON.stringify(event), ...(name !== undefined && { event: name }) })
    try {
      await write(send, place)
    } catch (problem) {
      if (stream.aborted) return
      note(problem)
      await (fail ? fail(send, apiError(problem)) : send(errorBody(apiError(problem))))
    }
    if (end !== undefined) await stream.writeSSE({ data: end })
  })
}
