import { barrier, configureThreads, endTickets, takeTicket, thread, threads } from './lib/sync'
import { Fold32, GROUP, Pairs, Quads } from './lib/layout'
import { gemm8x4 } from './matrix/gemm8'
import { repackGroup } from './matrix/repack'
import { run } from './program'
import { follow, performIn, REPACK, RUN } from './route'

/*
 * The job queue, a cache line each: at 0 jobs posted and, at 4, how often memories have grown; at 64 jobs done.
 * Jobs lie at `jobs`, 32 bytes each in a ring: kind, memory, then up to five arguments.
 */
const ROUTE = 3
const ATTACH = 4
const RING = 16

export function setup(sync: usize, index: i32, count: i32): void {
  configureThreads(sync, index, count)
}

/**
 * Repacks `rows` rows of a matrix from `source` on, `stride` bytes apart. All threads call it and take some groups at a time: while
 * a model loads, others want their cores, too.
 */
function repack(source: usize, stride: usize, rows: i32, target: usize, matrix: usize): void {
  const type = load<i32>(matrix), cols = load<i32>(matrix, 8), bytes = load<usize>(matrix, 16)
  const groups = (rows + GROUP - 1) / GROUP, size = groups / (8 * threads) + 1, count = (groups + size - 1) / size
  for (let ticket = takeTicket(); ticket < count; ticket = takeTicket()) {
    for (let g = ticket * size, end = min(g + size, groups); g < end; g++) {
      repackGroup(type, source + <usize>(g * GROUP) * stride, stride, rows - g * GROUP, cols, target + <usize>g * bytes, bytes)
    }
  }
  endTickets(count)
  barrier()
}

/** What is done where it lies. RUN: program, step, configuration. REPACK: source, stride, rows, target, matrix descriptor. */
export function perform(kind: i32, a: usize, b: usize, c: usize, d: usize, e: usize): void {
  if (kind == RUN) run(a, b, c)
  else if (kind == REPACK) repack(a, b, <i32>c, d, e)
  else unreachable()
}

/** One job on this thread, of memory 0 or of another. ROUTE: route, step. */
export function work(job: usize): void {
  const kind = load<i32>(job), memory = load<i32>(job, 4)
  const a = load<usize>(job, 8), b = load<usize>(job, 12), c = load<usize>(job, 16), d = load<usize>(job, 20), e = load<usize>(job, 24)
  if (kind == ROUTE) follow(a, b)
  else if (memory == 0) perform(kind, a, b, c, d, e)
  else performIn(memory, kind, a, b, c, d, e)
}

/** `rounds` small int8 products in one form or the other, for the host to time. `scratch`: 24 KiB of zeros. */
export function tryProducts(quads: bool, scratch: usize, rounds: i32): void {
  for (let i = 0; i < rounds; i++) {
    if (quads) gemm8x4<Fold32, Quads>(scratch, scratch + 0x2000, 640, scratch + 0x4000, 32)
    else gemm8x4<Fold32, Pairs>(scratch, scratch + 0x2000, 640, scratch + 0x4000, 32)
  }
}

let done: i32 = 0
let grows: i32 = 0

/**
 * A worker's life: wait for jobs and do them. Thread 0 counts what is done and wakes the host.
 * Returns true when a memory has grown, to be called again: V8 tells a thread of it only on the way through JavaScript, and until
 * then memory.copy and memory.fill trap beyond the old end. Returns false for a job of kind ATTACH: the worker's next message brings
 * a memory.
 */
export function serve(queue: usize, jobs: usize): bool {
  let attaches = false
  while (!attaches) {
    while (atomic.load<i32>(queue) == done) atomic.wait<i32>(queue, done, -1)
    const grown = atomic.load<i32>(queue, 4)
    if (grown != grows) {
      grows = grown
      return true
    }
    const job = jobs + 32 * (done % RING)
    attaches = load<i32>(job) == ATTACH
    // However a job ends, the threads meet: its place in the ring is given to another once thread 0 has counted it.
    if (attaches) barrier()
    else work(job)
    done++
    if (thread == 0) {
      atomic.store<i32>(queue, done, 64)
      atomic.notify(queue + 64, -1)
    }
  }
  return false
}
