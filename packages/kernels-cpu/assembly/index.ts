import { barrier, configureThreads, thread, threads } from './lib/sync'
import { Fold32, GROUP, Pairs, Quads } from './lib/layout'
import { gemm8x4 } from './matrix/gemm8'
import { repackGroup } from './matrix/repack'
import { run } from './program'

/*
 * The job queue, a cache line each: at 0 jobs posted and, at 4, how often the memory has grown; at 64 jobs done.
 * Jobs lie at `jobs`, 32 bytes each in a ring: kind, then arguments.
 */
const RUN = 1
const REPACK = 2
const RING = 16

export function setup(sync: usize, index: i32, count: i32): void {
  configureThreads(sync, index, count)
}

/** Repacks rows of a matrix: source, stride, rows, target, matrix descriptor. */
function repack(job: usize): void {
  const matrix = load<usize>(job, 20)
  const source = load<usize>(job, 4), stride = load<usize>(job, 8), rows = load<i32>(job, 12), target = load<usize>(job, 16)
  const groups = (rows + GROUP - 1) / GROUP, bytes = load<usize>(matrix, 16)
  for (let g = (groups * thread) / threads, end = (groups * (thread + 1)) / threads; g < end; g++) {
    repackGroup(
      load<i32>(matrix), source + <usize>(g * GROUP) * stride, stride, rows - g * GROUP, load<i32>(matrix, 8),
      target + <usize>g * bytes, bytes,
    )
  }
  barrier()
}

/** One job on this thread: RUN program, step, configuration; or REPACK, see above. */
export function work(job: usize): void {
  const kind = load<i32>(job)
  if (kind == RUN) run(load<usize>(job, 4), load<usize>(job, 8), load<usize>(job, 12))
  else if (kind == REPACK) repack(job)
  else unreachable()
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
 * Returns when the memory has grown, to be called again: V8 tells a thread of it only on the way through JavaScript, and until
 * then memory.copy and memory.fill trap beyond the old end.
 */
export function serve(queue: usize, jobs: usize): void {
  for (;;) {
    while (atomic.load<i32>(queue) == done) atomic.wait<i32>(queue, done, -1)
    const grown = atomic.load<i32>(queue, 4)
    if (grown != grows) {
      grows = grown
      return
    }
    work(jobs + 32 * (done % RING))
    done++
    if (thread == 0) {
      atomic.store<i32>(queue, done, 64)
      atomic.notify(queue + 64, -1)
    }
  }
}
