import type { Memories } from './memories.js'
import type { Memory } from './memory.js'
import { OP } from './ops.js'
import { JOB, type JobKind } from './pool.js'
import type { Recording } from './recorder.js'
import { type Move, planRoute, type Segment } from './route.js'
import { allocateStep, type ViewSize } from './steps.js'

/** Stops of `assembly/route.ts`. */
const STOP = { end: 0, step: 1, move: 2, visit: 3 } as const

/** The job that runs a recording: its kind, then its arguments but for the step. */
export interface WrittenProgram {
  readonly kind: JobKind
  /** The program, or the route to follow. */
  readonly address: number
  /** The configuration of a program. */
  readonly configuration: number
  /** Gives the memory of all that was written back, once no job uses it. */
  free(): void
}

/**
 * Writes a recording to where the threads read it. If all lies in the first memory it is one program there; or else one in each
 * memory that it passes through, each time, and the route in the first.
 * @param configurationIn what the kernels are to know in a memory, see `scratch.ts`
 * @throws G3Error `backend/out-of-memory`
 */
export const writeProgram = (
  memories: Memories,
  recording: Recording,
  caches: readonly ViewSize[],
  configurationIn: (memory: number) => number,
): WrittenProgram => {
  const written: (() => void)[] = []
  const free = (): void => {
    for (const give of written) give()
  }
  /** A memory that notes what is allocated. */
  const noting = (memory: Memory): Memory => ({
    ...memory,
    allocate(bytes) {
      const address = memory.allocate(bytes)
      written.push(() => memory.free(address, bytes))
      return address
    },
  })
  const write = (memory: number, words: readonly number[]): number => {
    const own = noting(memories.at(memory))
    const address = own.allocate(4 * words.length)
    own.i32(address, words.length).set(words)
    return address
  }
  const independent = recording.independentRows ? 1 : 0
  const program = ({ memory, ops }: Segment): number =>
    write(memory, [independent, ...ops.flatMap(({ code, words }) => [code, words.length, ...words]), OP.end, 0])

  const { segments, last } = planRoute(recording.ops)
  const [first] = segments
  if (segments.length === 1 && first.memory === 0 && first.moves.length === 0 && last.length === 0) {
    return { kind: JOB.run, address: program(first), configuration: configurationIn(0), free }
  }

  const words: number[] = []
  const stop = (code: number, ...args: number[]): void => void words.push(code, args.length, ...args)
  const move = ({ buffer, from, to, window }: Move): void =>
    stop(STOP.move, from, buffer.addressIn(from), to, buffer.addressIn(to), buffer.strideBytes / 4, window ? 1 : 0, buffer.rows)
  const stepIn = memories.each((memory, number) => {
    if (number === 0) return 0
    const { header, arrays } = allocateStep(noting(memory), recording.maxRows, caches)
    stop(STOP.step, number, header, arrays.length, ...arrays)
    return header
  })
  for (const { memory } of segments) stepIn(memory)
  for (const segment of segments) {
    segment.moves.forEach(move)
    stop(STOP.visit, segment.memory, program(segment), stepIn(segment.memory), configurationIn(segment.memory))
  }
  last.forEach(move)
  stop(STOP.end)
  return { kind: JOB.route, address: write(0, words), configuration: 0, free }
}
