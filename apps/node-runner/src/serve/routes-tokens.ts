import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import { badRequest } from './api-error.js'
import type { App } from './app.js'
import { turnsOf } from './messages.js'
import { detokenizeRequest, templateRequest, tokenizeRequest } from './requests.js'
import * as answers from './responses.js'
import { FAILURES, json } from './route-parts.js'
import type { Served } from './served.js'

const post = <Body, Answer>(path: string, body: Body, answer: Answer, description: string) =>
  ({
    method: 'post',
    path,
    request: { body: { required: true, content: json(body) } },
    responses: { 200: { description, content: json(answer) }, ...FAILURES },
  }) as const

const modelsRoute = createRoute({
  method: 'get',
  path: '/v1/models',
  responses: { 200: { description: 'The models that there are', content: json(answers.models) }, 401: FAILURES[401] },
})

/** The routes of models, tokens and prompts, none of which computes. */
export function tokenRoutes(app: OpenAPIHono<App>, served: Served): void {
  const { name, model, created } = served
  const { tokenizer } = model

  app.openapi(modelsRoute, (c) => {
    const about = { context: model.context, images: model.seesImages }
    return c.json(
      { object: 'list' as const, data: [{ id: name, object: 'model' as const, created, owned_by: 'g3', ...about }] },
      200,
    )
  })

  app.openapi(createRoute(post('/tokenize', tokenizeRequest, answers.tokens, 'The ids of a text')), (c) => {
    const { content, add_special: bos, parse_special: special, with_pieces: pieces } = c.req.valid('json')
    const ids = [...tokenizer.encode(content, { bos: bos ?? false, special: special ?? false })]
    return c.json({ tokens: pieces ? ids.map((id) => ({ id, piece: tokenizer.piece(id) })) : ids }, 200)
  })

  app.openapi(createRoute(post('/detokenize', detokenizeRequest, answers.content, 'The text of ids')), (c) => {
    const { tokens } = c.req.valid('json')
    const unknown = tokens.find((id) => id >= tokenizer.size)
    if (unknown !== undefined)
      throw badRequest(`there is no token ${unknown}; ids end at ${tokenizer.size - 1}`, 'tokens')
    return c.json({ content: tokenizer.decode(tokens) }, 200)
  })

  app.openapi(
    createRoute(post('/apply-template', templateRequest, answers.prompt, 'The prompt that messages become')),
    async (c) => {
      const turns = await turnsOf(served, c.req.valid('json').messages, [], c.req.raw.signal)
      // Ids below 0 stand for an image's soft tokens.
      const ids = model.encode(turns).filter((id) => id >= 0)
      return c.json({ prompt: tokenizer.decode(ids) }, 200)
    },
  )
}
