import type { Worker } from 'bullmq'
import type { BatchQueue, QueueOptions, Task } from './queue.js'
import { optional, reconnect } from './valkey.js'

export interface BullQueueOptions extends QueueOptions {
  readonly url: string
  /** Of all keys. */
  readonly prefix: string
  /** A worker that gave no sign for this long is dead, and others take its tasks. */
  readonly lockMs?: number
}

const NAME = 'batch'
const LOCK_MS = 15_000
const RETRY_MS = 1000

/** Checks and closings go before lines: those of one large batch delay no other. */
const LATER = 10

/**
 * Tasks in Valkey, by BullMQ: any number of processes work on them. A task has one id, so pushing it twice leaves it there
 * once. One that fails is tried again; one whose worker died is given to another.
 * @throws G3Error `batch/no-package`
 */
export async function bullQueue(options: BullQueueOptions): Promise<BatchQueue> {
  const { url, prefix, concurrency, lockMs = LOCK_MS, onFailure } = options
  const bullmq = await optional(() => import('bullmq'))
  const connection = { url, retryStrategy: reconnect }
  const queue = new bullmq.Queue<Task>(NAME, {
    prefix,
    // Who pushes hears within seconds that there is nobody; who waits for work waits on.
    connection: { ...connection, maxRetriesPerRequest: 2 },
    defaultJobOptions: {
      attempts: 1000,
      backoff: { type: 'fixed', delay: RETRY_MS },
      // A finished task must not keep its id from being pushed again.
      removeOnComplete: true,
      removeOnFail: true,
    },
  })
  queue.on('error', () => {}) // The store's connection tells of the same trouble.
  let worker: Worker<Task> | undefined
  const closed = new AbortController()

  return {
    async push(tasks) {
      await queue.addBulk(
        tasks.map((task) => ({
          name: task.kind,
          data: task,
          opts: { jobId: idOf(task), ...(task.kind === 'line' && { priority: LATER }) },
        })),
      )
    },
    async isIdle() {
      const counts = await queue.getJobCounts('waiting', 'prioritized', 'active', 'delayed')
      return Object.values(counts).every((count) => count === 0)
    },
    start(work) {
      if (concurrency === 0) return
      worker = new bullmq.Worker<Task>(NAME, ({ data }) => work(data, closed.signal), {
        prefix,
        connection: { ...connection, maxRetriesPerRequest: null },
        concurrency,
        lockDuration: lockMs,
        stalledInterval: lockMs,
        maxStalledCount: 1000,
      })
      worker.on('error', () => {})
      worker.on('failed', (_, problem) => {
        if (!closed.signal.aborted) onFailure(problem)
      })
    },
    async close() {
      closed.abort()
      await worker?.close()
      await queue.close()
    },
  }
}

/** BullMQ forbids colons in ids. */
const idOf = (task: Task): string =>
  task.kind === 'line' ? `${task.batch}-${task.line}` : `${task.batch}-${task.kind}`
