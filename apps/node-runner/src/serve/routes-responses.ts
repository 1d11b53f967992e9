import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { App } from './app.js'
import { chatJob, writeChoice } from './chat-completions.js'
import { responsesRequest } from './requests.js'
import { endOf, numbering, responseItems } from './response-events.js'
import { begunResponse, chatRequestOf, endedResponse, failedResponse } from './responses-api.js'
import * as answers from './responses.js'
import { answered, json } from './route-parts.js'
import { running } from './running.js'
import { checkModel, type Forms, type Served } from './served.js'
import { sendEvents } from './stream.js'

const route = createRoute({
  method: 'post',
  path: '/v1/responses',
  request: { body: { required: true, content: json(responsesRequest) } },
  responses: answered(
    answers.response,
    'The answer in the form of the Responses API, or its events where `stream` is true',
  ),
})

/** The Responses API, without memory: who asks sends the whole conversation. */
export function responsesRoute(
  app: OpenAPIHono<App>,
  served: Served,
  forms: Forms,
  note: (c: Context<App>, problem: unknown) => void,
): void {
  app.openapi(route, async (c) => {
    const request = c.req.valid('json')
    checkModel(served, request.model)
    const { signal, stop } = running(served, c)
    const job = await chatJob(served, chatRequestOf(request), forms, signal)
    const begun = begunResponse(served, request)

    if (!request.stream) {
      const items = responseItems(async () => {})
      const choice = await writeChoice(served, job, 0, signal, items.take)
      return c.json(endedResponse(begun, choice, await items.end(choice)), 200)
    }
    const numbered = numbering()
    let items: ReturnType<typeof responseItems> | undefined
    return sendEvents(c, {
      claim: () => served.slots.claim(signal),
      stop,
      note: (problem) => note(c, problem),
      async write(send, place) {
        const emit = numbered(send)
        await emit('response.created', { response: begun })
        await emit('response.in_progress', { response: begun })
        items = responseItems(emit)
        const choice = await writeChoice(served, job, 0, signal, items.take, place)
        const response = endedResponse(begun, choice, await items.end(choice))
        await emit(endOf(response), { response })
      },
      fail: (send, error) =>
        numbered(send)('response.failed', { response: failedResponse(begun, error, items?.ended ?? []) }),
    })
  })
}
