import { barrier, thread, threads } from './lib/sync'
import { int, stepFrom, stepRows, setStep, word } from './ops/args'

/*
 * A program whose operands lie in several memories is a route through them: a list of stops in memory 0, encoded as a program is.
 * Each thread has an instance of the kernels for each memory; only JavaScript (`src/link.ts`) reaches two of them.
 */

// Stops, in the order of `src/route.ts`.
const END = 0
/** The step goes to another memory: memory, header there, arrays, then each array's address there. */
const STEP = 1
/** Rows of a buffer go from memory to memory: from, source, to, target, words a row, whether they begin at the step's `from`, most rows. */
const MOVE = 2
/** A program runs where it lies: memory, program, step (0: as posted), configuration. */
const VISIT = 3

// Kinds of jobs that every instance does, see `index.ts`.
export const RUN = 1
export const REPACK = 2

/** Copies words from one memory to another. */
@external('env', 'move')
declare function move(from: i32, source: usize, to: i32, target: usize, words: i32): void

/** `perform` of `index.ts`, of another memory's instance on this thread. */
@external('env', 'perform')
export declare function performIn(memory: i32, kind: i32, a: usize, b: usize, c: usize, d: usize, e: usize): void

/** Rows, `from`, and what the step has of each array, see `src/steps.ts`. */
function sendStep(step: usize, args: usize): void {
  const memory = int(args, 0), rows = stepRows()
  move(0, step, memory, word(args, 1), 2)
  const arrays = int(args, 2)
  for (let i = 0; i < arrays; i++) {
    // Draws have four words a row. Of a cache: slots, two words a row of spans, tables, and pages, of which the step tells how many.
    const part = i < 3 ? 0 : (i - 3) & 3
    const words = i == 2 ? 4 * rows : part == 3 ? int(step, 3 + arrays + ((i - 3) >> 2)) : part == 1 ? 2 * rows : rows
    move(0, word(step, 3 + i), memory, word(args, 3 + i), words)
  }
}

/** This thread's part of the words. */
function sendRows(args: usize): void {
  const stride = int(args, 4), words = <i64>min(stepRows(), int(args, 6)) * stride
  const begin = (words * thread) / threads, end = (words * (thread + 1)) / threads
  const first: i64 = int(args, 5) ? <i64>stepFrom() * stride : 0
  const offset = <usize>(4 * (first + begin))
  move(int(args, 0), word(args, 1) + offset, int(args, 2), word(args, 3) + offset, <i32>(end - begin))
}

/** All threads call it with the same arguments; they meet after each stop. */
export function follow(route: usize, step: usize): void {
  setStep(step)
  for (let stop = route; load<i32>(stop) != END; stop += 8 + 4 * load<u32>(stop, 4)) {
    const code = load<i32>(stop), args = stop + 8
    if (code == STEP) {
      if (thread == 0) sendStep(step, args)
    } else if (code == MOVE) sendRows(args)
    else if (code == VISIT) performIn(int(args, 0), RUN, word(args, 1), word(args, 2) ? word(args, 2) : step, word(args, 3), 0, 0)
    else unreachable()
    barrier()
  }
}
