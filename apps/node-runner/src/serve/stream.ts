import type { Context } from 'hono'
import { streamSSE, type SSEStreamingApi } from 'hono/streaming'
import { apiError, errorBody } from './api-error.js'

/** Sends one event; resolves when the client has taken it, so that nothing piles up for one who reads slowly. */
export type Send = (event: unknown) => Promise<void>

/**
 * Answers with server-sent events, the last of which is `[DONE]`. A failure is an event, too: the status has gone out.
 * @param stop called when the client has left
 */
export function sendEvents(
  c: Context,
  stop: () => void,
  note: (problem: unknown) => void,
  write: (send: Send) => Promise<void>,
): Response {
  return streamSSE(c, async (stream: SSEStreamingApi) => {
    stream.onAbort(stop)
    const send: Send = async (event) => stream.writeSSE({ data: JSON.stringify(event) })
    try {
      await write(send)
    } catch (problem) {
      if (stream.aborted) return
      note(problem)
      await send(errorBody(apiError(problem)))
    }
    await stream.writeSSE({ data: '[DONE]' })
  })
}
