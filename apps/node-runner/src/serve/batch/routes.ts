import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi'
import { stream } from 'hono/streaming'
import { badRequest } from '../api-error.js'
import type { App } from '../app.js'
import { FAILURES, failure, json } from '../route-parts.js'
import { notFound, type Batches } from './batches.js'
import { batchObject, batchRequest, fileObject } from './records.js'
import { upload } from './upload.js'

const NOT_FOUND = { 404: failure('There is none') }
const CONFLICT = { 409: failure('It is not in a state for that') }
const STORE = { 503: failure('The queue is out of reach'), 507: failure('No room is left') }

const page = z.object({ after: z.string().max(100).optional() })
const filePage = page.extend({
  limit: z.coerce.number().int().min(1).max(10_000).default(10_000),
  order: z.enum(['asc', 'desc']).default('desc'),
  purpose: z.string().max(100).optional(),
})
const batchPage = page.extend({ limit: z.coerce.number().int().min(1).max(100).default(20) })

const listOf = <Item extends z.ZodType>(item: Item) =>
  z.object({
    object: z.literal('list'),
    data: z.array(item),
    first_id: z.string().nullable(),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  })

const id = z.object({ id: z.string().min(1).max(100) })
const deleted = z.object({ id: z.string(), object: z.literal('file'), deleted: z.literal(true) })
const form = z.object({ file: z.string().openapi({ format: 'binary' }), purpose: z.literal('batch') })

const routeOf = <Answer extends z.ZodType, More extends object>(
  method: 'get' | 'post' | 'delete',
  path: string,
  answer: Answer,
  more: More,
) =>
  ({
    method,
    path,
    responses: {
      200: { description: 'It is told', content: json(answer) },
      ...FAILURES,
      ...NOT_FOUND,
      ...CONFLICT,
      ...STORE,
    },
    ...more,
  }) as const

/** Files and batches. */
export function batchRoutes(app: OpenAPIHono<App>, batches: Batches): void {
  const { store } = batches
  const fileOf = async (id: string) => {
    const file = await store.file(id)
    if (file) return file
    throw notFound(`there is no file ${id}`)
  }

  const uploadRoute = routeOf('post', '/v1/files', fileObject, {
    request: { body: { required: true, content: { 'multipart/form-data': { schema: form } } } },
  })
  // Told to the document only: the library would hold a whole form in memory.
  app.openAPIRegistry.registerPath(uploadRoute)
  app.post('/v1/files', async (c) => c.json(await upload(c.req.raw, store), 200))

  app.openapi(
    createRoute(routeOf('get', '/v1/files', listOf(fileObject), { request: { query: filePage } })),
    async (c) => {
      const { after, limit, order, purpose } = c.req.valid('query')
      const files = (await store.files()).filter((file) => purpose === undefined || file.purpose === purpose)
      return c.json(pageOf(order === 'asc' ? files.toReversed() : files, after, limit), 200)
    },
  )
  app.openapi(createRoute(routeOf('get', '/v1/files/{id}', fileObject, { request: { params: id } })), async (c) =>
    c.json(await fileOf(c.req.valid('param').id), 200),
  )
  app.openapi(createRoute(routeOf('delete', '/v1/files/{id}', deleted, { request: { params: id } })), async (c) => {
    const { id } = c.req.valid('param')
    await batches.removeFile(id)
    return c.json({ id, object: 'file' as const, deleted: true as const }, 200)
  })
  const contentRoute = createRoute({
    method: 'get',
    path: '/v1/files/{id}/content',
    request: { params: id },
    responses: {
      200: {
        description: 'Its bytes',
        content: { 'application/octet-stream': { schema: z.string().openapi({ format: 'binary' }) } },
      },
      ...FAILURES,
      ...NOT_FOUND,
      ...STORE,
    },
  })
  app.openapi(contentRoute, async (c) => {
    const { id, bytes } = await fileOf(c.req.valid('param').id)
    c.header('Content-Type', 'application/octet-stream')
    c.header('Content-Length', String(bytes))
    return stream(c, async (out) => {
      for await (const piece of store.read(id)) await out.write(piece)
    })
  })

  const createBody = { request: { body: { required: true, content: json(batchRequest) } } }
  app.openapi(createRoute(routeOf('post', '/v1/batches', batchObject, createBody)), async (c) =>
    c.json(await batches.create(c.req.valid('json')), 200),
  )
  app.openapi(
    createRoute(routeOf('get', '/v1/batches', listOf(batchObject), { request: { query: batchPage } })),
    async (c) => {
      const { after, limit } = c.req.valid('query')
      return c.json(pageOf(await batches.batches(), after, limit), 200)
    },
  )
  app.openapi(createRoute(routeOf('get', '/v1/batches/{id}', batchObject, { request: { params: id } })), async (c) =>
    c.json(await batches.batch(c.req.valid('param').id), 200),
  )
  app.openapi(
    createRoute(routeOf('post', '/v1/batches/{id}/cancel', batchObject, { request: { params: id } })),
    async (c) => c.json(await batches.cancel(c.req.valid('param').id), 200),
  )
}

/** Says why there are no files and batches. */
export function batchesOff(app: OpenAPIHono<App>): void {
  for (const path of ['/v1/files', '/v1/files/*', '/v1/batches', '/v1/batches/*'])
    app.all(path, () => {
      throw notFound('this server keeps no files and batches: start it with --data FOLDER or --batch-queue redis://…')
    })
}

/** @throws ApiError 400 where `after` is none of them */
function pageOf<Item extends { readonly id: string }>(
  items: readonly Item[],
  after: string | undefined,
  limit: number,
) {
  const start = after === undefined ? 0 : items.findIndex(({ id }) => id === after) + 1
  if (after !== undefined && start === 0) throw badRequest(`there is no ${after} in this list`, 'after')
  const data = items.slice(start, start + limit)
  return {
    object: 'list' as const,
    data,
    first_id: data[0]?.id ?? null,
    last_id: data.at(-1)?.id ?? null,
    has_more: items.length > start + limit,
  }
}
