import { randomUUID } from 'node:crypto'
import { ApiError, badRequest } from '../api-error.js'
import type { BatchQueue } from './queue.js'
import { isOver, seconds, type Batch, type BatchRequest } from './records.js'
import type { BatchStore } from './store.js'
import { batchWork, isLate, type AnswerLine, type LineLimits } from './work.js'

/** Files and batches of a server. */
export interface Batches {
  readonly store: BatchStore
  /** @throws ApiError 400 where there is no such file */
  create(request: BatchRequest): Promise<Batch>
  /** With how far it has come. */
  batch(id: string): Promise<Batch>
  batches(): Promise<readonly Batch[]>
  /** @throws ApiError 404, 409 where it is over or nearly so */
  cancel(id: string): Promise<Batch>
  /** @throws ApiError 404, 409 where a batch still reads it */
  removeFile(id: string): Promise<void>
  /** Whether a request is a line of a batch: it has been let in already. */
  isLine(request: Request): boolean
  /** Works from now on, and goes on with what was left. */
  start(fetch: (request: Request) => Response | Promise<Response>): Promise<void>
  /** Stops what is under way, which is done again later. */
  close(): Promise<void>
}

export interface BatchesOptions {
  readonly store: BatchStore
  readonly queue: BatchQueue
  readonly limits: LineLimits
  /** Told of failures that will be tried again. */
  onFailure(problem: unknown): void
  /** How often is looked for what was left lying. */
  readonly sweepMs?: number
}

const SWEEP_MS = 10_000
const WINDOW_SECONDS = 24 * 3600

/** A batch that is not looked at after this was lost between being kept and being queued. */
const LOST_SECONDS = 30

/** Batches that are over and the files that they wrote are kept so long, as OpenAI keeps them. */
const KEPT_SECONDS = 30 * 24 * 3600
const TIDY_MS = 3_600_000

export function batchesOf(options: BatchesOptions): Batches {
  const { store, queue, limits, onFailure, sweepMs = SWEEP_MS } = options
  const lines = new WeakSet<Request>()
  let timer: NodeJS.Timeout | undefined
  let tidied = 0

  const told = async (batch: Batch): Promise<Batch> =>
    isOver(batch) || batch.status === 'validating'
      ? batch
      : { ...batch, request_counts: { ...batch.request_counts, ...(await store.answered(batch.id)) } }
  const found = async (id: string): Promise<Batch> => {
    const batch = await store.batch(id)
    if (batch) return batch
    throw notFound(`there is no batch ${id}`)
  }
  const close = (batch: string) => queue.push([{ kind: 'close', batch }])
  const open = (batch: string) => queue.push([{ kind: 'open', batch }])

  const resume = async (id: string, isIdle: boolean): Promise<void> => {
    const batch = await store.batch(id)
    if (!batch || isOver(batch)) return
    const { status } = batch
    if (isLate(batch) || status === 'finalizing' || status === 'cancelling') await close(id)
    else if (isIdle || (status === 'validating' && seconds() > batch.created_at + LOST_SECONDS)) await open(id)
  }
  const tidy = async (): Promise<void> => {
    tidied = performance.now()
    const now = seconds()
    const old = (await store.batches()).filter((batch) => isOver(batch) && now > batch.created_at + KEPT_SECONDS)
    for (const { id, output_file_id: output, error_file_id: errors } of old) {
      for (const file of [output, errors]) if (file !== null) await store.removeFile(file)
      await store.removeBatch(id)
    }
    for (const { id, expires_at: end } of await store.files())
      if (end !== undefined && now >= end && !(await isRead(store, id))) await store.removeFile(id)
  }
  const sweep = async (): Promise<void> => {
    const ids = await store.openBatches()
    if (ids.length > 0) {
      const isIdle = await queue.isIdle()
      for (const id of ids) await resume(id, isIdle)
    }
    if (tidied === 0 || performance.now() - tidied > TIDY_MS) await tidy()
  }

  return {
    store,
    async create({ input_file_id: input, endpoint, completion_window: window, metadata }) {
      const file = await store.file(input)
      if (!file) throw badRequest(`there is no file ${input}`, 'input_file_id', 'file_not_found')
      if (file.purpose !== 'batch') throw badRequest(`${input} is no input of a batch`, 'input_file_id')
      const now = seconds()
      const batch: Batch = {
        id: `batch_${randomUUID().replaceAll('-', '')}`,
        object: 'batch',
        endpoint,
        errors: null,
        input_file_id: input,
        completion_window: window,
        status: 'validating',
        output_file_id: null,
        error_file_id: null,
        created_at: now,
        in_progress_at: null,
        expires_at: now + WINDOW_SECONDS,
        finalizing_at: null,
        completed_at: null,
        failed_at: null,
        expired_at: null,
        cancelling_at: null,
        cancelled_at: null,
        request_counts: { total: 0, completed: 0, failed: 0 },
        metadata: metadata ?? null,
      }
      await store.addBatch(batch)
      // It is kept: where it cannot be queued right now, it will be found.
      await open(batch.id).catch(onFailure)
      return batch
    },
    batch: async (id) => told(await found(id)),
    batches: async () => Promise.all((await store.batches()).map(told)),
    async cancel(id) {
      const cancelled = await store.change(id, (batch) =>
        batch.status === 'validating' || batch.status === 'in_progress'
          ? { ...batch, status: 'cancelling', cancelling_at: seconds() }
          : undefined,
      )
      const batch = cancelled ?? (await found(id))
      if (!cancelled && batch.status !== 'cancelling')
        throw conflict(`the batch is ${batch.status}: it cannot be cancelled any more`)
      await close(id).catch(onFailure)
      return told(batch)
    },
    async removeFile(id) {
      if (await isRead(store, id)) throw conflict(`a batch still reads ${id}: cancel it first`)
      if (!(await store.removeFile(id))) throw notFound(`there is no file ${id}`)
    },
    isLine: (request) => lines.has(request),
    async start(fetch) {
      const answer: AnswerLine = async (url, body, signal) => {
        const headers = { 'Content-Type': 'application/json' }
        const request = new Request(`http://batch${url}`, {
          method: 'POST',
          headers,
          body: JSON.stringify(body),
          signal,
        })
        lines.add(request)
        const response = await fetch(request)
        const id = response.headers.get('x-request-id') ?? ''
        return { status: response.status, request_id: id, body: await response.json() }
      }
      queue.start(batchWork({ store, queue, answer, limits }))
      await sweep()
      timer = setInterval(() => void sweep().catch(onFailure), sweepMs)
    },
    async close() {
      clearInterval(timer)
      await queue.close()
      await store.close()
    },
  }
}

async function isRead(store: BatchStore, file: string): Promise<boolean> {
  for (const id of await store.openBatches()) if ((await store.batch(id))?.input_file_id === file) return true
  return false
}

export const notFound = (message: string): ApiError =>
  new ApiError(404, 'invalid_request_error', message, { code: 'not_found' })

const conflict = (message: string): ApiError =>
  new ApiError(409, 'invalid_request_error', message, { code: 'conflict' })
