import type { Model } from '@g3/runtime'
import OpenAI from 'openai'
import { testApp } from '../../testing/tiny-app.js'
import type { Batches } from '../batches.js'
import { openBatches, type OpenBatchesOptions } from '../open.js'

export const LIMITS = { fileBytes: 1 << 20, totalBytes: 3 << 20, lines: 50, lineBytes: 4096 }

export interface BatchApp extends AsyncDisposable {
  readonly batches: Batches
  readonly client: OpenAI
  readonly fetch: (request: Request) => Promise<Response>
  readonly failures: unknown[]
}

/** A server with batches over a model, and OpenAI's client of it. */
export async function batchApp(
  model: Model,
  options: Partial<OpenBatchesOptions> & Parameters<typeof testApp>[1],
): Promise<BatchApp> {
  const failures: unknown[] = []
  const batches = await openBatches({
    concurrency: 2,
    limits: LIMITS,
    sweepMs: 200,
    onFailure: (problem) => failures.push(problem),
    note: () => {},
    ...options,
  })
  if (!batches) throw new Error('say where they are kept')
  const { fetch } = testApp(model, { ...options, batches })
  await batches.start(fetch)
  const client = new OpenAI({
    apiKey: 'key',
    baseURL: 'http://g3/v1',
    maxRetries: 0,
    fetch: (url, init) => fetch(new Request(url, init)),
  })
  return { batches, client, fetch, failures, [Symbol.asyncDispose]: () => batches.close() }
}

export const jsonl = (lines: readonly unknown[]): File =>
  new File([lines.map((line) => `${JSON.stringify(line)}\n`).join('')], 'in.jsonl')

/** `count` lines that ask for a chat each. */
export const chats = (count: number, body: object = {}): object[] =>
  Array.from({ length: count }, (_, i) => ({
    custom_id: `ask-${i}`,
    method: 'POST',
    url: '/v1/chat/completions',
    body: { messages: [{ role: 'user', content: `hello ${i}` }], max_completion_tokens: 4, seed: i, ...body },
  }))

/** Asks for a batch of lines. */
export async function ask(
  client: OpenAI,
  lines: readonly object[],
  endpoint: '/v1/chat/completions' | '/v1/completions' = '/v1/chat/completions',
): Promise<OpenAI.Batch> {
  const file = await client.files.create({ file: jsonl(lines), purpose: 'batch' })
  return client.batches.create({ input_file_id: file.id, endpoint, completion_window: '24h' })
}

const OVER = new Set(['completed', 'failed', 'expired', 'cancelled'])

export async function ended(client: OpenAI, id: string, limitMs = 20_000): Promise<OpenAI.Batch> {
  for (const start = performance.now(); ;) {
    const batch = await client.batches.retrieve(id)
    if (OVER.has(batch.status)) return batch
    if (performance.now() - start > limitMs) throw new Error(`it is ${batch.status} still: ${JSON.stringify(batch)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export interface OutputLine {
  readonly id: string
  readonly custom_id: string
  readonly response: {
    readonly status_code: number
    readonly request_id: string
    readonly body: Readonly<Record<string, unknown>>
  } | null
  readonly error: { readonly code: string; readonly message: string } | null
}

/** The lines of a file of answers; none where there is no file. */
export async function linesIn(client: OpenAI, file: string | null | undefined): Promise<OutputLine[]> {
  if (!file) return []
  const text = await (await client.files.content(file)).text()
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}
