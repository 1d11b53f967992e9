import { G3Error } from '@g3/backend'
import type { Link } from './link.js'
import type { Memory } from './memory.js'
import { startThread } from './thread.js'
import type { Kernels } from './wasm.js'

/** Jobs that wait or run at once: the ring's size in `assembly/index.ts`; and the words of a job. */
export const JOBS = 16
const JOB_WORDS = 8
// Words of the queue, as the kernels read them.
const TAIL = 0
const GROWS = 1
const HEAD = 16

/** Runs jobs in order, on all threads at once. */
export interface Pool {
  /** Jobs that {@link Pool.post} takes now. */
  readonly room: number
  /** Enqueues a job where there is room; returns its number for {@link Pool.done}. Arguments are u32 words. Allocates nothing. */
  post(kind: JobKind, memory: number, a?: number, b?: number, c?: number, d?: number, e?: number): number
  /** Where there is none: `post` is called, to post one job, when its turn comes. Returns that job's number. */
  later(post: () => void): number
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
  jobs: memory.allocate(4 * JOBS * JOB_WORDS),
})

type WriteJob = (number: number, ...args: Parameters<Pool['post']>) => number

/** Writes a job to its place in the ring; returns the address. */
const jobWriter = (first: Memory, jobs: number): WriteJob => {
  let ring = first.i32(jobs, JOBS * JOB_WORDS)
  return (number, kind, memory, a = 0, b = 0, c = 0, d = 0, e = 0) => {
    // A memory that is not shared has another buffer once it has grown.
    if (ring.length === 0) ring = first.i32(jobs, JOBS * JOB_WORDS)
    const at = JOB_WORDS * (number % JOBS)
    ring[at] = kind
    ring[at + 1] = memory
    ring[at + 2] = a
    ring[at + 3] = b
    ring[at + 4] = c
    ring[at + 5] = d
    ring[at + 6] = e
    return jobs + 4 * at
  }
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
  const writeJob = jobWriter(first, jobs)
  let posted = 0
  return {
    room: JOBS,
    post(kind, memory, a, b, c, d, e) {
      kernels.work(writeJob(posted++, kind, memory, a, b, c, d, e))
      return posted
    },
    later(post) {
      post()
      return posted
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
  const writeJob = jobWriter(first, addresses.jobs)
  let posted = 0
  let failure: G3Error | undefined
  let disposed = false
  let fail: (error: G3Error) => void = () => {}
  const failed = new Promise<never>((_, reject) => (fail = reject))
  failed.catch(() => {})
  const workers = Array.from({ length: threads }, (_, thread) => {
    const worker = startThread(workerUrl)
    worker.onError((cause) => {
      failure ??= new G3Error('cpu/trap', `thread ${thread} failed: ${String(cause)}; make a new backend`, { cause })
      fail(failure)
    })
    worker.send({ module, memory: first.wasm, thread, threads, ...addresses })
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
  const post: Pool['post'] = (kind, memory, a, b, c, d, e) => {
    if (failure) throw failure
    writeJob(posted++, kind, memory, a, b, c, d, e)
    Atomics.store(queue, GROWS, grows())
    Atomics.store(queue, TAIL, posted)
    Atomics.notify(queue, TAIL)
    return posted
  }
  const backlog: (() => void)[] = []
  const drain = async (): Promise<void> => {
    while (backlog.length > 0) {
      await settle(posted - JOBS + 1)
      backlog.shift()?.()
    }
  }
  const room = (): number => (backlog.length > 0 ? 0 : JOBS - (posted - head()))
  const later: Pool['later'] = (postIt) => {
    backlog.push(postIt)
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
        worker.send({ ...addresses, module, memory: memory.wasm, thread, threads, sync })
      }
      if (room() > 0) post(JOB.attach, 0)
      else later(() => post(JOB.attach, 0))
    },
    idle: () => done(posted + backlog.length),
    done,
    async dispose() {
      if (disposed) return
      disposed = true
      // Deno ends no thread that waits inside WASM: this job has them wait for a message instead, which never comes.
      if (failure === undefined && room() > 0) post(JOB.attach, 0)
      fail(new G3Error('backend/disposed', 'the backend was disposed while work was waiting'))
      for (const worker of workers) worker.terminate()
    },
  }
}
