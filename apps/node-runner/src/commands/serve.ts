import { pino } from 'pino'
import { onInterrupt } from '../interrupt.js'
import { loadForCommand } from '../loading.js'
import type { ModelOptions } from '../options.js'
import { harmless, note } from '../output.js'
import { app } from '../serve/app.js'
import { openBatches } from '../serve/batch/open.js'
import { keysOf } from '../serve/keys.js'
import { metricsOf } from '../serve/metrics.js'
import { remoteImages } from '../serve/remote-image.js'
import { startServer } from '../serve/server.js'
import { slots as slotsOf } from '../serve/slots.js'
import { openTracing, tracedSlots } from '../serve/tracing.js'

export interface ServeOptions extends ModelOptions {
  readonly listen: string
  readonly port: number
  readonly slots: number
  readonly queue: number
  readonly timeout: number
  readonly maxBody: number
  readonly apiKeys?: string
  readonly cors?: readonly string[]
  readonly imageHost?: readonly string[]
  readonly data?: string
  readonly batchQueue?: string
  readonly batchSlots?: number
  readonly maxFile: number
  readonly maxFiles: number
  readonly log: 'silent' | 'error' | 'info'
  readonly open?: boolean
}

/** Prompts are read in small steps, between which all others get their next token. */
const STEP_ROWS = 128

const LINE_LIMITS = { lines: 50_000, lineBytes: 4 << 20 }

/** Answers that are under way at the end may take so long to finish. */
const DRAIN_MS = 30_000

/** `g3 serve`: OpenAI's protocol over HTTP, until SIGINT or SIGTERM; then what is under way is finished first. */
export async function serve(options: ServeOptions): Promise<void> {
  const checkKey = options.apiKeys === undefined ? undefined : await keysOf(options.apiKeys, note)
  using interrupt = onInterrupt()
  const { slots: sequences } = options
  await using loaded = await loadForCommand({ ...options, sequences, maxRows: STEP_ROWS }, interrupt.signal)
  const { model, name } = loaded
  const tracing = await openTracing()
  const plain = slotsOf({ total: model.sequences, queue: options.queue })
  const slots = tracing ? tracedSlots(plain, tracing) : plain
  const served = {
    name,
    model,
    slots,
    metrics: metricsOf({ slots }),
    ...(tracing && { tracing }),
    ...(options.imageHost && { fetchImage: remoteImages({ hosts: options.imageHost, mostBytes: options.maxBody }) }),
    created: Math.floor(Date.now() / 1000),
    deadlineMs: options.timeout * 1000,
  }
  let isReady = true
  const log = pino({ level: options.log }, pino.destination({ fd: 2, sync: true }))
  const batches = await openBatches({
    ...(options.data !== undefined && { data: options.data }),
    ...(options.batchQueue !== undefined && { valkey: options.batchQueue }),
    // Half of the places stay for those who wait for their answers.
    concurrency: options.batchSlots ?? Math.max(1, slots.total >> 1),
    limits: { ...LINE_LIMITS, fileBytes: options.maxFile, totalBytes: options.maxFiles },
    onFailure: (problem) => log.error({ err: problem }, 'batch'),
    note,
  })
  const api = app({
    served,
    log,
    bodyBytes: options.maxBody,
    isReady: () => isReady,
    ...(checkKey && { checkKey }),
    ...(batches && { batches }),
    ...(options.cors && { origins: options.cors }),
  })
  const server = await startServer(api.fetch, { host: options.listen, port: options.port })
  await batches?.start(api.fetch)
  const url = `http://${options.listen.includes(':') ? `[${options.listen}]` : options.listen}:${server.port}`
  note(`Serving ${harmless(name)} on ${url}, ${slots.total} texts at a time.`)
  if (options.open) await showPage(url)

  const { promise: ended, resolve: end } = Promise.withResolvers<void>()
  process.once('SIGTERM', end)
  if (interrupt.signal.aborted) end()
  interrupt.signal.addEventListener('abort', () => end(), { once: true })
  await ended
  isReady = false
  note(`Shutting down: ${slots.taken} answers are under way.`)
  const late = setTimeout(() => {
    note('They took too long.')
    process.exit(1)
  }, DRAIN_MS)
  await batches?.close()
  await slots.drain()
  await server.close()
  clearTimeout(late)
}

/** Opens the page in the browser of who started it. A server without one serves on. */
async function showPage(url: string): Promise<void> {
  const { default: open } = await import('open')
  const failed = (problem: unknown): void =>
    note(`No browser could be opened (${harmless(String(problem))}); go to ${url}`)
  await open(url).then((browser) => browser.on('error', failed), failed)
}
