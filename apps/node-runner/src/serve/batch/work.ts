import { setTimeout as sleep } from 'node:timers/promises'
import { isWrong, readLine } from './check-line.js'
import { finish } from './finish.js'
import { linesOf } from './lines.js'
import type { BatchQueue, Task, Work } from './queue.js'
import { isOver, seconds, type Batch, type BatchError, type LineAnswer } from './records.js'
import type { BatchStore, ByteRange } from './store.js'

/** Answers a request as the server would, without a client. */
export type AnswerLine = (
  url: string,
  body: Readonly<Record<string, unknown>>,
  signal: AbortSignal,
) => Promise<Omit<LineAnswer, 'custom_id'>>

export interface WorkOptions {
  readonly store: BatchStore
  readonly queue: Pick<BatchQueue, 'push'>
  readonly answer: AnswerLine
  readonly limits: LineLimits
}

export interface LineLimits {
  readonly lines: number
  readonly lineBytes: number
}

/** A file's errors are told up to this many. */
const MOST_ERRORS = 100

/** Lines are asked for in groups of this size. */
const GROUP = 500

/** Whether a batch still wants an answer is looked up this often while one is written. */
const WATCH_MS = 1000

/** What a line is answered with for now where there is no place for it, or none any more. */
const LATER = new Set([408, 429, 503])
const LATER_MS = 1000

/** Does what tasks say. Each may be done again at any time, also while it is done elsewhere. */
export function batchWork({ store, queue, answer, limits }: WorkOptions): Work {
  const open = async (id: string): Promise<void> => {
    const found = await store.batch(id)
    const batch = found?.status === 'validating' ? await check(found) : found
    if (batch?.status !== 'in_progress') return
    let group: ByteRange[] = []
    let asked = 0
    let first = 0
    const ask = async (): Promise<void> => {
      const answers = await store.answers(id, first, group.length)
      const tasks = group
        .map((place, i): Task => ({ kind: 'line', batch: id, line: first + i, ...place }))
        .filter((_, i) => !answers[i])
      await queue.push(tasks)
      asked += tasks.length
      first += group.length
      group = []
    }
    for await (const { from, bytes } of linesOf(store.read(batch.input_file_id), limits.lineBytes)) {
      group.push({ from, bytes: bytes.length })
      if (group.length === GROUP) await ask()
    }
    await ask()
    if (asked === 0) await queue.push([{ kind: 'close', batch: id }])
  }

  /** Looks at all lines before any is answered. */
  const check = async (batch: Batch): Promise<Batch | undefined> => {
    const { errors, total } = await problemsOf(batch)
    return store.change(batch.id, (now) => {
      if (now.status !== 'validating') return undefined
      if (errors.length > 0)
        return { ...now, status: 'failed', failed_at: seconds(), errors: { object: 'list', data: errors } }
      const counts = { total, completed: 0, failed: 0 }
      return { ...now, status: 'in_progress', in_progress_at: seconds(), request_counts: counts }
    })
  }

  const problemsOf = async (batch: Batch): Promise<{ readonly errors: BatchError[]; readonly total: number }> => {
    const errors: BatchError[] = []
    const wrong = (code: string, message: string, line: number | null, param: string | null = null): void => {
      if (errors.length < MOST_ERRORS) errors.push({ code, message, line, param })
    }
    const seen = new Set<string>()
    let total = 0
    if (!(await store.file(batch.input_file_id))) {
      wrong('file_not_found', `there is no file ${batch.input_file_id} any more`, null, 'input_file_id')
      return { errors, total }
    }
    try {
      for await (const { bytes, number } of linesOf(store.read(batch.input_file_id), limits.lineBytes)) {
        total++
        const line = readLine(bytes, batch.endpoint, number)
        if (isWrong(line)) wrong(line.code, line.message, number, line.param)
        else if (seen.has(line.customId))
          wrong('duplicate_custom_id', 'this custom_id was given to a line before', number, 'custom_id')
        else seen.add(line.customId)
        if (total <= limits.lines) continue
        wrong('too_many_lines', `a batch may have ${limits.lines} lines: make several`, number)
        break
      }
    } catch (problem) {
      if (!isLongLine(problem)) throw problem
      wrong('line_too_long', problem.message, null)
    }
    if (total === 0 && errors.length === 0) wrong('empty_file', 'the file has no line', null)
    return { errors, total }
  }

  const line = async (task: Extract<Task, { kind: 'line' }>, stopped: AbortSignal): Promise<void> => {
    const batch = await store.batch(task.batch)
    if (!batch || batch.status !== 'in_progress') return
    const close = (): Promise<void> => queue.push([{ kind: 'close', batch: batch.id }])
    if (isLate(batch)) return close()
    const [known] = await store.answers(batch.id, task.line, 1)
    const counts = known
      ? await store.answered(batch.id)
      : await whileWanted(batch.id, stopped, async (signal) => {
          const bytes: Uint8Array[] = []
          for await (const piece of store.read(batch.input_file_id, task)) bytes.push(piece)
          const request = readLine(Buffer.concat(bytes), batch.endpoint, task.line)
          if (isWrong(request)) throw new Error(`line ${task.line} of ${batch.id} has changed: ${request.message}`)
          const answered = await persist(() => answer(request.url, request.body, signal), signal)
          return store.addAnswer(batch.id, task.line, { custom_id: request.customId, ...answered })
        })
    if (counts && counts.completed + counts.failed === batch.request_counts.total) await close()
  }

  /** Stops an answer that nobody wants any more: then it is undefined. */
  const whileWanted = async <T>(
    id: string,
    stopped: AbortSignal,
    write: (signal: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> => {
    const unwanted = new AbortController()
    const watch = setInterval(async () => {
      const batch = await store.batch(id).catch(() => undefined)
      if (batch && (batch.status !== 'in_progress' || isLate(batch))) unwanted.abort()
    }, WATCH_MS)
    try {
      return await write(AbortSignal.any([stopped, unwanted.signal]))
    } catch (problem) {
      if (unwanted.signal.aborted && !stopped.aborted) return undefined
      throw problem
    } finally {
      clearInterval(watch)
    }
  }

  return async (task, signal) => {
    switch (task.kind) {
      case 'open':
        return open(task.batch)
      case 'line':
        return line(task, signal)
      case 'close':
        return finish(store, task.batch)
      default:
        return task satisfies never
    }
  }
}

/** Asks again where the server had no place, until it has or the signal says to stop. */
async function persist<T extends { readonly status: number }>(ask: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (;;) {
    signal.throwIfAborted()
    const answered = await ask()
    signal.throwIfAborted()
    if (!LATER.has(answered.status)) return answered
    await sleep(LATER_MS, undefined, { signal })
  }
}

export const isLate = (batch: Batch): boolean => !isOver(batch) && seconds() >= batch.expires_at

const isLongLine = (problem: unknown): problem is Error =>
  problem instanceof Error && 'code' in problem && problem.code === 'batch/long-line'
