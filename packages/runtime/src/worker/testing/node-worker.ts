import { Worker } from 'node:worker_threads'

/** The worker's program as it is published: a thread of Node does not run TypeScript of ours. */
const PROGRAM = new URL('../../../dist/worker-program.js', import.meta.url)

/** A thread of Node with the published program. */
export const nodeWorker = (): Worker => new Worker(PROGRAM)

/** A thread with a program of a test's; `WORKER` in it is the address of `@g3/runtime/worker`. */
export const nodeWorkerOf = (program: string): Worker => {
  const entry = new URL('../../../dist/worker.js', import.meta.url).href
  return new Worker(new URL(`data:text/javascript,${encodeURIComponent(program.replaceAll('WORKER', `'${entry}'`))}`))
}
