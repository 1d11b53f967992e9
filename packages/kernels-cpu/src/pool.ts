import { G3Error } from '@g3/backend'
import { worker as workerSource } from './generated/worker.js'
import type { Link } from './link.js'
import type { Memory } from './memory.js'
import type { Kernels } from './wasm.js'
import type { WorkerStart } from './worker.js'

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
  /** Enqueues a job where there is room; returns its number for {@link Pool.done}. Up to five arguments, as u32 words. */
  post(kind: JobKind, memory: number, ...words: number[]): number
  /** The same where there is none: `words` is called when the job's turn comes. */
  later(kind: JobKind, memory: number, words: () => number[]): number
  /** Brings a further memory to all threads: jobs that are enqueued from here on may name it by its number. */
  attach(memory: Memory): void
  /** Resolves when all that was enqueued is done, so that {@link Pool.post} has room. */
  idle(): Promise<void>
  /** Resolves when job `number` and all before it are done. @throws G3Error `cpu/trap` if a thread failed. */
  done(number: number): Promise<void>
  dispose(): Promise<void>
}

/** Of `assembly/index.ts`. */
export const JOB = { run: 1, repack: 2, route: 3, attach: 4 } as const
export type JobKind = (typeof JOB)[keyof typeof JOB]

/** Where the threads meet and where their jobs lie, in the first memory. */
export interface PoolAddresses {
  readonly sync: number
  readonly queue: number
  readonly jobs: number
}

const allocateSync = (memory: Memory): number => memory.allocate(256)

export const allocatePool = (memory: Memory): PoolAddresses => ({
  sync: allocateSync(memory),
  queue: memory.allocate(128),
  jobs: memory.allocate(RING * JOB_BYTES),
})

const writeJob = (
  first: Memory,
  jobs: number,
  number: number,
  kind: number,
  memory: number,
  words: readonly number[],
): number => {
  const address = jobs + JOB_BYTES * (number % RING)
  const job = first.i32(address, 8)
  job[0] = kind
  job[1] = memory
  for (let i = 0; i < words.length; i++) job[i + 2] = words[i] ?? 0
  return address
}

/** One thread, the caller's own: a job is done when it is posted. `instances` has `kernels`, of the first memory, already. */
export const inlinePool = (
  first: Memory,
  module: WebAssembly.Module,
  kernels: Kernels,
  instances: Link,
  { sync, jobs }: PoolAddresses,
): Pool => {
  kernels.setup(sync, 0, 1)
  let posted = 0
  return {
    room: RING,
    post(kind, memory, ...words) {
      kernels.work(writeJob(first, jobs, posted++, kind, memory, words))
      return posted
    },
    later(kind, memory, words) {
      return this.post(kind, memory, ...words())
    },
    attach(memory) {
      // At once, unlike the first: whoever records a program does not wait.
      const { exports } = new WebAssembly.Instance(module, instances.imports(memory.wasm))
      const further = exports as object as Kernels
      further.setup(allocateSync(memory), 0, 1)
      instances.add(memory.wasm, further)
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
    const url = workerUrl ?? URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }))
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
  const worker = new NodeWorker(workerUrl ?? new URL(`data:text/javascript,${encodeURIComponent(workerSource)}`))
  worker.unref()
  return {
    start: (message) => worker.postMessage(message),
    onError: (report) => worker.on('error', report),
    hold: (busy) => (busy ? worker.ref() : worker.unref()),
    terminate: () => void worker.terminate(),
  }
}

/** Worker threads that wait inside WASM. The caller's own thread only posts and awaits. `grows`: of all memories. */
export const workerPool = (
  first: Memory,
  module: WebAssembly.Module,
  addresses: PoolAddresses,
  threads: number,
  grows: () => number,
  workerUrl?: string | URL,
): Pool => {
  const queue = first.i32(addresses.queue, 32)
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
    worker.start({ module, memory: first.wasm, thread, threads, ...addresses })
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
  const post: Pool['post'] = (kind, memory, ...words) => {
    if (failure) throw failure
    writeJob(first, addresses.jobs, posted++, kind, memory, words)
    Atomics.store(queue, GROWS, grows())
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
  const room = (): number => (backlog.length > 0 ? 0 : RING - (posted - head()))
  const later: Pool['later'] = (kind, memory, words) => {
    backlog.push(() => post(kind, memory, ...words()))
    // A failure shows in `done`, which every reader awaits.
    if (backlog.length === 1) drain().catch(() => {})
    return posted + backlog.length
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
      return room()
    },
    post,
    later,
    attach(memory) {
      const sync = allocateSync(memory)
      for (const [thread, worker] of workers.entries()) {
        worker.start({ ...addresses, module, memory: memory.wasm, thread, threads, sync })
      }
      if (room() > 0) post(JOB.attach, 0)
      else later(JOB.attach, 0, () => [])
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
