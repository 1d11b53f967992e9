import type { CpuBuffer } from './buffers.js'
import type { RecordedOp } from './recorder.js'

/*
 * How a program passes through several memories. Between programs a buffer's true rows lie in one memory, its home, so nothing
 * has to be looked up while steps run: each program fetches what it reads from there and brings back what it wrote elsewhere.
 */

/** Rows of a buffer that go from one memory to another: those of the step, or as many from its `from` on. */
export interface Move {
  readonly buffer: CpuBuffer
  readonly from: number
  readonly to: number
  readonly window: boolean
}

/** Ops that follow each other in one memory, after the moves that bring what they read. */
export interface Segment {
  readonly memory: number
  readonly moves: readonly Move[]
  readonly ops: readonly RecordedOp[]
}

export interface Route {
  readonly segments: readonly Segment[]
  /** What is brought home in the end. */
  readonly last: readonly Move[]
}

/** Buffers that no program has used yet live where they are written last, or else where they are read first. */
const settle = (ops: readonly RecordedOp[]): void => {
  const homes = new Map<CpuBuffer, number>()
  for (const { memory, reads, window, writes } of ops) {
    for (const buffer of window ? [...reads, window] : reads) if (!homes.has(buffer)) homes.set(buffer, memory)
    for (const buffer of writes) homes.set(buffer, memory)
  }
  for (const [buffer, memory] of homes) buffer.home ??= memory
}

/** Cuts a recording into segments, and gives each buffer in it a home. */
export const planRoute = (ops: readonly RecordedOp[]): Route => {
  settle(ops)
  const segments: { memory: number; moves: Move[]; ops: RecordedOp[] }[] = []
  /** Memories that hold the step's rows of a buffer as they are at this point; the first of them wrote or brought them. */
  const holders = new Map<CpuBuffer, number[]>()
  const homeOf = ({ home = 0 }: CpuBuffer): number => home
  const holdersOf = (buffer: CpuBuffer): number[] => {
    const known = holders.get(buffer) ?? [homeOf(buffer)]
    holders.set(buffer, known)
    return known
  }
  /** Brings the step's rows where they are not yet. */
  const bring = (buffer: CpuBuffer, to: number, moves: Move[]): void => {
    const held = holdersOf(buffer)
    if (held.includes(to)) return
    moves.push({ buffer, from: held[0], to, window: false })
    held.push(to)
  }

  for (const op of ops) {
    const { memory, reads, window, writes } = op
    const moves: Move[] = []
    for (const buffer of reads) bring(buffer, memory, moves)
    // Rows past the step's are true at home only; so the step's go there first.
    if (window) {
      const home = homeOf(window)
      bring(window, home, moves)
      if (home !== memory) moves.push({ buffer: window, from: home, to: memory, window: true })
    }
    // Elsewhere nothing changes during a segment, so what it reads from there can come before it; other moves have their time.
    const canComeBefore = moves.every(({ to, window: isWindow }) => to === memory && !isWindow)
    const current = segments.at(-1)
    if (current?.memory === memory && canComeBefore) {
      current.moves.push(...moves)
      current.ops.push(op)
    } else segments.push({ memory, moves, ops: [op] })
    for (const buffer of writes) holders.set(buffer, [memory])
  }
  const last: Move[] = []
  for (const buffer of holders.keys()) bring(buffer, homeOf(buffer), last)
  return { segments, last }
}
