import * as answers from './responses.js'

/** What routes have in common in their descriptions. */

export const json = <Schema>(schema: Schema) => ({ 'application/json': { schema } })

export const failure = (description: string) => ({ description, content: json(answers.error) })

/** Of every route that reads a body. */
export const FAILURES = {
  400: failure('The request is wrong'),
  401: failure('The key is missing or wrong'),
  413: failure('The body is too large'),
  500: failure('The server failed'),
}

/** Of a route that writes text, whole or as events. */
export const answered = <Schema>(schema: Schema, description: string) => ({
  200: { description, content: { ...json(schema), 'text/event-stream': { schema: answers.eventStream } } },
  ...FAILURES,
  404: failure('There is no such model'),
  429: failure('Too many requests wait'),
  503: failure('The server is shutting down'),
  504: failure('The answer took too long'),
})
