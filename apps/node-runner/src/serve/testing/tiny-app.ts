import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { cpu } from '@g3/kernels-cpu'
import { loadModel, type Model } from '@g3/runtime'
import OpenAI from 'openai'
import { pino } from 'pino'
import { app, type AppOptions } from '../app.js'
import { metricsOf } from '../metrics.js'
import type { FetchImage } from '../remote-image.js'
import { slots as slotsOf, type Slots } from '../slots.js'
import { tracedSlots, type Tracing } from '../tracing.js'

const fixture = (name: string): Uint8Array =>
  readFileSync(fileURLToPath(new URL(`../../../../../packages/runtime/fixtures/tiny-random/${name}`, import.meta.url)))

/** The smallest model that there is, with eyes. */
export async function tinyModel(sequences: number): Promise<Model> {
  return loadModel({
    source: fixture('tiny-text-f16.gguf'),
    mmproj: fixture('tiny-mmproj-f16.gguf'),
    backend: await cpu({ threads: 1 }),
    context: 1024,
    sequences,
  })
}

export interface TestApp {
  readonly fetch: (request: Request) => Promise<Response>
  readonly slots: Slots
  /** Lines of the log. */
  readonly log: string[]
}

/** The API over a model, as the command makes it. */
export function testApp(
  model: Model,
  options: Partial<Pick<AppOptions, 'checkKey' | 'origins' | 'bodyBytes' | 'batches'>> & {
    readonly queue?: number
    readonly deadlineMs?: number
    readonly tracing?: Tracing
    readonly fetchImage?: FetchImage
  } = {},
): TestApp {
  const plain = slotsOf({ total: model.sequences, queue: options.queue ?? 64 })
  const { tracing } = options
  const slots = tracing ? tracedSlots(plain, tracing) : plain
  const log: string[] = []
  const api = app({
    bodyBytes: 1 << 20,
    isReady: () => true,
    ...options,
    log: pino({}, { write: (line: string) => void log.push(line) }),
    served: {
      name: 'tiny',
      model,
      slots,
      metrics: metricsOf({ slots }),
      ...(tracing && { tracing }),
      ...(options.fetchImage && { fetchImage: options.fetchImage }),
      created: 0,
      deadlineMs: options.deadlineMs ?? 60_000,
    },
  })
  return { fetch: async (request) => api.fetch(request), slots, log }
}

/** OpenAI's own client, on the server's functions without a network. */
export function testClient(model: Model): OpenAI {
  const { fetch } = testApp(model)
  return new OpenAI({
    apiKey: 'none',
    baseURL: 'http://g3/v1',
    maxRetries: 0,
    fetch: (url, init) => fetch(new Request(url, init)),
  })
}
