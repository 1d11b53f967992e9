import { setTimeout as sleep } from 'node:timers/promises'
import type { BatchQueue, QueueOptions, Task, Work } from './queue.js'

/** A task that failed is tried again after this. */
const RETRY_MS = 1000

/** A queue in this process. Nothing of it is kept: whoever starts anew pushes what is left to do. */
export function localQueue({ concurrency, onFailure }: QueueOptions): BatchQueue {
  // Lines wait behind all else, so that a large batch delays no check of another.
  const first: Task[] = []
  const lines: Task[] = []
  const running = new Set<Promise<void>>()
  const closed = new AbortController()
  let work: Work | undefined

  const run = async (task: Task, does: Work): Promise<void> => {
    try {
      await does(task, closed.signal)
    } catch (problem) {
      if (closed.signal.aborted) return
      onFailure(problem)
      await sleep(RETRY_MS, undefined, { signal: closed.signal }).catch(() => {})
      add(task)
    }
  }
  const next = (): void => {
    while (work && running.size < concurrency && !closed.signal.aborted) {
      const task = first.shift() ?? lines.shift()
      if (!task) return
      const done: Promise<void> = run(task, work).finally(() => {
        running.delete(done)
        next()
      })
      running.add(done)
    }
  }
  const add = (task: Task): void => void (task.kind === 'line' ? lines : first).push(task)

  return {
    async push(tasks) {
      tasks.forEach(add)
      next()
    },
    isIdle: async () => first.length + lines.length + running.size === 0,
    start(does) {
      work = does
      next()
    },
    async close() {
      closed.abort()
      await Promise.allSettled(running)
    },
  }
}
