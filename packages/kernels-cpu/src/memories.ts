import { type Memory, MOST_BYTES, openMemory, outOfMemory } from './memory.js'

/** Part of a memory that matrices may take; what they work on needs the rest. */
const MATRICES = 15 / 16

/** Bytes that nobody can have: the kernels' tables and what a memory is opened with. */
const OVERHEAD = 2 ** 17

export interface MemoryLimits {
  /** Of one memory, in bytes: a multiple of 64 KiB up to 4 GiB. */
  readonly bytes: number
  /** Of the matrices in one memory. */
  readonly matrixBytes: number
}

/**
 * The memories of a backend, told apart by their number. Addresses have 32 bits, so one memory ends at 4 GiB; a larger model fills
 * several, and its activations pass from one to the next (`route.ts`).
 */
export interface Memories {
  readonly first: Memory
  at(memory: number): Memory
  /** Times that any of them has grown. */
  readonly grows: number
  /** @throws G3Error `backend/out-of-memory` for bytes that no memory can hold */
  checkSize(bytes: number): void
  /**
   * The memory for one more matrix: the last one if there is room, or else a new one. Never an earlier one, because
   * neighbours in the model should be neighbours here.
   * @throws G3Error `backend/out-of-memory`
   */
  forMatrix(bytes: number): number
  /** The memory for `bytes` that had best lie in `preferred`. @throws G3Error `backend/out-of-memory` */
  near(preferred: number, bytes: number): number
  /** What `make` gave for a memory when it was first asked for. */
  each<T>(make: (memory: Memory, number: number) => T): (number: number) => T
}

/** `opened` is told of each memory but the first. */
export const openMemories = (
  shared: boolean,
  limits: Partial<MemoryLimits>,
  opened: (memory: Memory) => void,
): Memories => {
  const first = openMemory(shared, limits.bytes ?? MOST_BYTES)
  const { limit } = first
  const matrixBytes = limits.matrixBytes ?? limit * MATRICES
  const memories = [first]
  const filled = [0]

  const checkSize = (bytes: number): void => {
    if (bytes > limit - OVERHEAD) throw outOfMemory(bytes + OVERHEAD, limit)
  }
  const open = (): number => {
    const memory = openMemory(shared, limit)
    opened(memory)
    filled.push(0)
    return memories.push(memory) - 1
  }
  return {
    first,
    at: (number) => memories[number],
    get grows() {
      return memories.reduce((sum, { grows }) => sum + grows, 0)
    },
    checkSize,
    forMatrix(bytes) {
      checkSize(bytes)
      let number = memories.length - 1
      const isFull = filled[number] + bytes > matrixBytes || !memories[number].fits(bytes)
      // One that is larger than its share has a memory to itself.
      if (isFull && filled[number] > 0) number = open()
      filled[number] += bytes
      return number
    },
    near(preferred, bytes) {
      checkSize(bytes)
      if (memories[preferred].fits(bytes)) return preferred
      const other = memories.findIndex((memory) => memory.fits(bytes))
      return other < 0 ? open() : other
    },
    each<T>(make: (memory: Memory, number: number) => T) {
      const made: T[] = []
      return (number) => (made[number] ??= make(memories[number], number))
    },
  }
}
