import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createRoute, z, type OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { packageFolder } from '../../package-folder.js'
import type { App } from '../app.js'
import { FAILURES, json } from '../route-parts.js'
import type { Served } from '../served.js'
import type { Quantiles } from './recent.js'

const quantiles = z.object({ median: z.number(), p95: z.number() }).nullable()

const status = z
  .object({
    status: z.enum(['ok', 'draining']),
    uptime_seconds: z.number(),
    models: z.array(
      z.object({
        id: z.string(),
        context: z.int(),
        images: z.boolean(),
        slots: z.int().openapi({ description: 'Texts that can be written at a time' }),
        slots_taken: z.int(),
        queue: z.int().openapi({ description: 'Requests that wait for a slot' }),
      }),
    ),
    tokens: z
      .object({ prompt: z.int(), cached: z.int(), generated: z.int() })
      .openapi({ description: 'Since the start; cached ones are among those of prompts' }),
    latency: z
      .object({ answers: z.int(), first_token_seconds: quantiles, answer_seconds: quantiles })
      .openapi({ description: 'Of the last answers, 200 at most' }),
  })
  .openapi('Status')
export type Status = z.infer<typeof status>

const statusRoute = createRoute({
  method: 'get',
  path: '/status',
  responses: { 200: { description: 'What goes on', content: json(status) }, 401: FAILURES[401] },
})

/** What the page shows, as JSON. */
export function statusRoutes(app: OpenAPIHono<App>, served: Served, isReady: () => boolean): void {
  const { name, model, slots, metrics } = served
  const start = performance.now()
  app.openapi(statusRoute, async (c) => {
    const { values } = await metrics.tokens.get()
    const tokens = (kind: string): number => values.find(({ labels }) => labels.kind === kind)?.value ?? 0
    const recent = metrics.recent.summary()
    const body: Status = {
      status: isReady() ? 'ok' : 'draining',
      uptime_seconds: (performance.now() - start) / 1000,
      models: [
        {
          id: name,
          context: model.context,
          images: model.seesImages,
          slots: slots.total,
          slots_taken: slots.taken,
          queue: slots.waiting,
        },
      ],
      tokens: { prompt: tokens('prompt'), cached: tokens('cached'), generated: tokens('generated') },
      latency: {
        answers: recent?.answers ?? 0,
        first_token_seconds: recent ? seconds(recent.firstTokenMs) : null,
        answer_seconds: recent ? seconds(recent.answerMs) : null,
      },
    }
    c.header('Cache-Control', 'no-store')
    return c.json(body, 200)
  })
}

const seconds = ({ median, p95 }: Quantiles): Quantiles => ({ median: median / 1000, p95: p95 / 1000 })

/** Files of the page: those that are built lie apart from those that are not. */
const FILES = {
  '/': ['assets/serve/status.html', 'text/html; charset=utf-8'],
  '/page/page.css': ['assets/serve/page.css', 'text/css; charset=utf-8'],
  '/page/status.js': ['dist/page/status-page.js', 'text/javascript; charset=utf-8'],
} as const

/** What anybody may have, with a key or without: it is the same for all servers. */
export const PAGE_PATHS: readonly string[] = Object.keys(FILES)

/** A page with this runs its own script, talks to its own server, and is shown in no other page. */
export function guardPage(c: Context): void {
  c.header(
    'Content-Security-Policy',
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  )
  c.header('X-Content-Type-Options', 'nosniff')
  c.header('Referrer-Policy', 'no-referrer')
}

/** The page, and what it is made of. */
export function pageRoutes(app: OpenAPIHono<App>): void {
  for (const [path, [file, type]] of Object.entries(FILES))
    app.get(path, async (c) => {
      const bytes = await readFile(join(packageFolder(), file))
      guardPage(c)
      c.header('Cache-Control', 'no-cache')
      return c.body(new Uint8Array(bytes), 200, { 'Content-Type': type })
    })
}
