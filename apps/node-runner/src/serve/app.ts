import { randomUUID } from 'node:crypto'
import { constraintCache } from '@g3/runtime/worker'
import { createRoute, OpenAPIHono, type Hook } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import { routePath } from 'hono/route'
import type { Logger } from 'pino'
import { ApiError, apiError, badRequest, sendError } from './api-error.js'
import type { Batches } from './batch/batches.js'
import { batchesOff, batchRoutes } from './batch/routes.js'
import { docsPage } from './docs.js'
import type { CheckKey } from './keys.js'
import { health } from './responses.js'
import { generateRoutes } from './routes-generate.js'
import { responsesRoute } from './routes-responses.js'
import { tokenRoutes } from './routes-tokens.js'
import type { Served } from './served.js'
import { guardPage, PAGE_PATHS, pageRoutes, statusRoutes } from './status/routes.js'

export interface App {
  readonly Variables: { readonly requestId: string }
}

export interface AppOptions {
  readonly served: Served
  readonly log: Logger
  readonly checkKey?: CheckKey
  /** Origins whose pages may call; none by default. */
  readonly origins?: readonly string[]
  readonly bodyBytes: number
  /** Files and batches, where they are kept. */
  readonly batches?: Batches
  /** Whether the server takes requests still. */
  isReady(): boolean
}

/** Routes that are open to all: a load balancer has no key, and the page asks for one. */
const OPEN = new Set(['/health', '/ready', '/docs', '/openapi.json', ...PAGE_PATHS])

const FILES = '/v1/files'

const REQUEST_ID = /^[A-Za-z0-9_.-]{1,128}$/

const wrongBody: Hook<unknown, App, string, unknown> = (result) => {
  if (result.success) return
  const [issue] = result.error.issues
  const param = issue.path.join('.')
  throw badRequest(param === '' ? issue.message : `${param}: ${issue.message}`, param)
}

/** The whole API over one model. It listens nowhere: give its `fetch` to a server. */
export function app(options: AppOptions): OpenAPIHono<App> {
  const { served, log, checkKey, origins = [], bodyBytes, batches, isReady } = options
  const { metrics, tracing } = served
  const app = new OpenAPIHono<App>({ defaultHook: wrongBody })

  /** No prompt, no answer, no key is ever written to the log. */
  const noteFailure = (c: Context<App>, problem: unknown): ApiError => {
    const error = apiError(problem)
    if (error.status >= 500) log.error({ id: c.get('requestId'), err: problem }, 'failed')
    return error
  }

  if (tracing) app.use((c, next) => tracing.request(c, next))
  app.use(async (c, next) => {
    const start = performance.now()
    const given = c.req.header('x-request-id')
    const id = given !== undefined && REQUEST_ID.test(given) ? given : randomUUID()
    c.set('requestId', id)
    c.header('x-request-id', id)
    await next()
    const route = routePath(c, -1)
    const seconds = (performance.now() - start) / 1000
    metrics.requests.inc({ route, status: c.res.status })
    metrics.seconds.observe({ route }, seconds)
    log.info({ id, method: c.req.method, route, status: c.res.status, seconds }, 'answered')
  })
  if (origins.length > 0) app.use(cors({ origin: [...origins], maxAge: 600 }))
  app.use(async (c, next) => {
    if (checkKey === undefined || OPEN.has(c.req.path) || batches?.isLine(c.req.raw)) return next()
    const [, key] = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(c.req.header('authorization') ?? '') ?? []
    if (key !== undefined && (await checkKey(key))) return next()
    c.header('WWW-Authenticate', 'Bearer')
    const message = 'give one of the server’s keys: Authorization: Bearer KEY'
    return sendError(c, new ApiError(401, 'invalid_request_error', message, { code: 'invalid_api_key' }))
  })
  const limit = bodyLimit({
    maxSize: bodyBytes,
    onError: (c) =>
      sendError(
        c,
        new ApiError(413, 'invalid_request_error', `the body has more than ${bodyBytes} bytes`, {
          code: 'body_too_large',
        }),
      ),
  })
  // Files are kept as they come, and have a limit of their own.
  app.use((c, next) => (batches && c.req.path === FILES ? next() : limit(c, next)))

  tokenRoutes(app, served)
  const forms = constraintCache(() => served.model.vocabulary())
  generateRoutes(app, served, forms, noteFailure)
  responsesRoute(app, served, forms, noteFailure)
  if (batches) batchRoutes(app, batches)
  else batchesOff(app)
  const json = { 'application/json': { schema: health } }
  app.openapi(
    createRoute({ method: 'get', path: '/health', responses: { 200: { description: 'It runs', content: json } } }),
    (c) => c.json({ status: 'ok' as const }, 200),
  )
  app.openapi(
    createRoute({
      method: 'get',
      path: '/ready',
      responses: {
        200: { description: 'It takes requests', content: json },
        503: { description: 'It does not', content: json },
      },
    }),
    (c) => (isReady() ? c.json({ status: 'ok' as const }, 200) : c.json({ status: 'draining' as const }, 503)),
  )
  app.get('/metrics', async (c) =>
    c.body(await metrics.registry.metrics(), 200, { 'Content-Type': metrics.registry.contentType }),
  )
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', { type: 'http', scheme: 'bearer' })
  const about = {
    openapi: '3.1.0',
    info: { title: 'g3', version: '1', description: 'Gemma 3 over the protocol of OpenAI’s API.' },
    ...(checkKey && { security: [{ key: [] }] }),
  }
  app.doc31('/openapi.json', about)
  statusRoutes(app, served, isReady)
  pageRoutes(app)
  app.get('/docs', (c) => {
    guardPage(c)
    return c.html(docsPage(app.getOpenAPI31Document(about), new URL(c.req.url).origin))
  })

  app.notFound((c) => {
    const allowed = methodsOf(app, c.req.path)
    if (allowed.length > 0) {
      c.header('Allow', allowed.join(', '))
      const message = `${c.req.path} takes ${allowed.join(', ')}, not ${c.req.method}`
      return sendError(c, new ApiError(405, 'invalid_request_error', message, { code: 'method_not_allowed' }))
    }
    return sendError(
      c,
      new ApiError(
        404,
        'invalid_request_error',
        `there is no ${c.req.method} ${c.req.path}; /docs lists what there is`,
        {
          code: 'not_found',
        },
      ),
    )
  })
  app.onError((problem, c) => {
    if (problem instanceof HTTPException)
      return sendError(c, new ApiError(400, 'invalid_request_error', httpProblem(problem)))
    return sendError(c, noteFailure(c, problem))
  })
  return app
}

/** The methods that a path has. */
function methodsOf(app: OpenAPIHono<App>, path: string): readonly string[] {
  const own = app.routes.filter((route) => route.method !== 'ALL' && isOfPath(route.path, path))
  return [...new Set(own.map(({ method }) => method))]
}

/** Whether a path is one of a route's, whose parts after a colon stand for any. */
function isOfPath(route: string, path: string): boolean {
  const [wanted, given] = [route, path].map((one) => one.split('/'))
  return (
    wanted.length === given.length &&
    wanted.every((part, i) => part === given[i] || (part.startsWith(':') && given[i] !== ''))
  )
}

/** What the library refuses before a handler runs: JSON that is none. */
const httpProblem = ({ message }: HTTPException): string => message || 'the request is malformed'
