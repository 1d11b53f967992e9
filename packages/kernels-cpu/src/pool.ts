import { G3Error } from '@g3/backend'
import type { Memory } from './memory.js'
import type { Kernels } from './wasm.js'
import { WORKER_SOURCE, type WorkerStart } from './worker-source.js'

/** The ring's size in `assembly/index.ts`. */
const RING = 16
const JOB_BYTES = 32
// Words of the queue, as the kernels read them.
const TAIL = 0
const GROWS = 1
const HEAD = 16

/** Runs jobs in order, on all threads at once. */
export interface Pool {
  /** Jobs that {@link Pool.post} takes now. */
  readonly room: number
  /** Enqueues a job where there is room; returns its number for {@link Pool.done}. Arguments follow the kind as u32 words. */
  post(kind: JobKind, ...words: number[]): number
  /** The same where there is none: `words` is called when the job's turn comes. */
  later(kind: JobKind, words: () => number[]): number
  /** Resolves when all that was enqueued is done, so that {@link Pool.post} has room. */
  idle(): Promise<void>
  /** Resolves when job `number` and all before it are done. @throws G3Error `cpu/trap` if a thread failed. */
  done(number: number): Promise<void>
  dispose(): Promise<void>
}

export const JOB = { run: 1, repack: 2 } as const
export type JobKind = (typeof JOB)[keyof typeof JOB]

/** Where the threads meet, in shared memory. */
export interface PoolAddresses {
  readonly sync: number
  readonly queue: number
  readonly jobs: number
}

export const allocatePool = (memory: Memory): PoolAddresses => ({
  sync: memory.allocate(192),
  queue: memory.allocate(128),
  jobs: memory.allocate(RING * JOB_BYTES),
})

const writeJob = (memory: Memory, jobs: number, number: number, kind: number, words: readonly number[]): number => {
  const address = jobs + JOB_BYTES * (number % RING)
  const job = memory.i32(address, 8)
  job[0] = kind
  for (let i = 0; i < words.length; i++) job[i + 1] = words[i] ?? 0
  return address
}

/** One thread, the caller's own: a job is done when it is posted. */
export const inlinePool = (memory: Memory, kernels: Kernels, { sync, jobs }: PoolAddresses): Pool => {
  kernels.setup(sync, 0, 1)
  let posted = 0
  return {
    room: RING,
    post(kind, ...words) {
      kernels.work(writeJob(memory, jobs, posted++, kind, words))
      return posted
    },
    later(kind, words) {
      return this.post(kind, ...words())
    },
    idle: async () => {},
    done: async () => {},
    dispose: async () => {},
  }
}

/** The part of `node:worker_threads` in use; named here so that a web build needs no Node types. */
interface NodeWorkerThreads {
  readonly Worker: new (source: string | URL) => {
    postMessage(message: unknown): void
    on(event: 'error', listener: (error: unknown) => void): void
    ref(): void
    unref(): void
    terminate(): Promise<number>
  }
}
declare const process: { getBuiltinModule(id: 'node:worker_threads'): NodeWorkerThreads }

interface Thread {
  start(message: WorkerStart): void
  onError(report: (error: unknown) => void): void
  /** Whether a busy thread keeps the process alive. */
  hold(busy: boolean): void
  terminate(): void
}

const spawn = (workerUrl: string | URL | undefined): Thread => {
  if (typeof Worker === 'function') {
    const url = workerUrl ?? URL.createObjectURL(new Blob([WORKER_SOURCE], { type: 'text/javascript' }))
    const worker = new Worker(url)
    return {
      start: (message) => worker.postMessage(message),
      onError: (report) => worker.addEventListener('error', (event) => report(event.message)),
      hold: () => {},
      terminate: () => worker.terminate(),
    }
  }
  const { Worker: NodeWorker } = process.getBuiltinModule('node:worker_threads')
  // A data URL and not `eval`: module hooks that a program registers are asked about a worker's source too, and need an address.
  const worker = new NodeWorker(workerUrl ?? new URL(`data:text/javascript,${encodeURIComponent(WORKER_SOURCE)}`))
  worker.unref()
  return {
    start: (message) => worker.postMessage(message),
    onError: (report) => worker.on('error', report),
    hold: (busy) => (busy ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  }
}

/** Worker threads that wait inside WASM. The caller's own thread only posts and awaits. */
export const workerPool = (
  memory: Memory,
  module: WebAssembly.Module,
  addresses: PoolAddresses,
  threads: number,
  workerUrl?: string | URL,
): Pool => {
  const queue = memory.i32(addresses.queue, 32)
  let posted = 0
  let failure: G3Error | undefined
  let disposed = false
  let fail: (error: G3Error) => void = () => {}
  const failed = new Promise<never>((_, reject) => (fail = reject))
  failed.catch(() => {})
  const workers = Array.from({ length: threads }, (_, thread) => {
    const worker = spawn(workerUrl)
    worker.onError((cause) => {
      failure ??= new G3Error('cpu/trap', `thread ${thread} failed: ${String(cause)}; make a new backend`, { cause })
      fail(failure)
    })
    worker.start({ module, memory: memory.wasm, thread, threads, ...addresses })
    return worker
  })
  const head = (): number => Atomics.load(queue, HEAD)
  const settle = async (number: number): Promise<void> => {
    for (let done = head(); done < number; done = head()) {
      const wait = Atomics.waitAsync(queue, HEAD, done)
      if (wait.async) await Promise.race([wait.value, failed])
      if (failure) throw failure
    }
  }
  const post: Pool['post'] = (kind, ...words) => {
    if (failure) throw failure
    writeJob(memory, addresses.jobs, posted++, kind, words)
    Atomics.store(queue, GROWS, memory.grows)
    Atomics.store(queue, TAIL, posted)
    Atomics.notify(queue, TAIL)
    return posted
  }
  const backlog: (() => void)[] = []
  const drain = async (): Promise<void> => {
    while (backlog.length > 0) {
      await settle(posted - RING + 1)
      backlog.shift()?.()
    }
  }
  let waiting = 0
  const done = async (number: number): Promise<void> => {
    if (failure) throw failure
    if (waiting++ === 0) workers[0]?.hold(true)
    try {
      await settle(number)
    } finally {
      if (--waiting === 0) workers[0]?.hold(false)
    }
  }
  return {
    get room() {
      return backlog.length > 0 ? 0 : RING - (posted - head())
    },
    post,
    later(kind, words) {
      backlog.push(() => post(kind, ...words()))
      // A failure shows in `done`, which every reader awaits.
      if (backlog.length === 1) drain().catch(() => {})
      return posted + backlog.length
    },
    idle: () => done(posted + backlog.length),
    done,
    async dispose() {
      if (disposed) return
      disposed = true
      fail(new G3Error('backend/disposed', 'the backend was disposed while work was waiting'))
      for (const worker of workers) worker.terminate()
    },
  }
}
