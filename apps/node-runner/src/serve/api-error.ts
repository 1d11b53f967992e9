import { isG3Error } from '@g3/backend'
import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** What went wrong, in the shape of OpenAI's API. */
export class ApiError extends Error {
  constructor(
    readonly status: ContentfulStatusCode,
    /** OpenAI's, such as `invalid_request_error`. */
    readonly type: string,
    message: string,
    readonly details: { readonly code?: string; readonly param?: string; readonly retryAfter?: number } = {},
  ) {
    super(message)
  }
}

export const badRequest = (message: string, param?: string, code?: string): ApiError =>
  new ApiError(400, 'invalid_request_error', message, { ...(param && { param }), ...(code && { code }) })

export interface ErrorBody {
  readonly error: {
    readonly message: string
    readonly type: string
    readonly param: string | null
    readonly code: string | null
  }
}

export const errorBody = ({ message, type, details }: ApiError): ErrorBody => ({
  error: { message, type, param: details.param ?? null, code: details.code ?? null },
})

/** Areas of our errors that are about what a client sent. */
const CLIENTS = /^(?:chat|generate|grammar|model\/unknown-image|sampling|tokenizer|tools|vision)(?:\/|$)/

/** Codes of these areas that are about the server's state. */
const SERVERS = new Set(['generate/busy'])

/** Tells what any failure is to a client. What is the server's own fault keeps its message to the log. */
export function apiError(problem: unknown): ApiError {
  if (problem instanceof ApiError) return problem
  if (isG3Error(problem)) {
    const { code, message } = problem
    if (code === 'generate/prompt-too-long') return badRequest(message, 'messages', 'context_length_exceeded')
    if (CLIENTS.test(code) && !SERVERS.has(code)) return badRequest(message, undefined, code)
    if (code === 'backend/lost')
      return new ApiError(503, 'server_error', 'the hardware was lost; try again', { code, retryAfter: 1 })
  }
  if (problem instanceof DOMException && problem.name === 'TimeoutError')
    return new ApiError(504, 'server_error', 'the answer took longer than this server gives one', { code: 'deadline' })
  if (problem instanceof DOMException && problem.name === 'AbortError')
    return new ApiError(408, 'invalid_request_error', 'the client has left', { code: 'client_left' })
  return new ApiError(500, 'server_error', 'the server failed; its log says more')
}

/** Answers with an error. */
export function sendError(c: Context, error: ApiError): Response {
  if (error.details.retryAfter !== undefined) c.header('Retry-After', String(error.details.retryAfter))
  return c.json(errorBody(error), error.status)
}
