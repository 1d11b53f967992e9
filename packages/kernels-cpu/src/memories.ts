import { type Memory, MOST_BYTES, openMemory, outOfMemory } from './memory.js'

/** Parts of a memory that matrices and caches leave free, besides what is known to be needed. */
export const FREE_OF_MATRICES = 1 / 16
const FREE_OF_CACHES = 1 / 64

/** Bytes that nobody can have: the kernels' tables and what a memory is opened with. */
const OVERHEAD = 2 ** 17

export interface MemoryLimits {
  /** Of one memory, in bytes: a multiple of 64 KiB up to 4 GiB. */
  readonly bytes: number
  /** Of the matrices in one memory. By default they leave room for what they work on. */
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
  /** Says that any memory may come to need so many bytes more, for activations and the like: matrices and caches leave them. */
  keepFree(bytes: number): void
  /**
   * The memory for one more matrix: the last one if there is room, or else a new one. Never an earlier one, because
   * neighbours in the model should be neighbours here.
   * @throws G3Error `backend/out-of-memory`
   */
  forMatrix(bytes: number, columns: number): number
  /** A matrix of so many bytes has left its memory. */
  withoutMatrix(memory: number, bytes: number): void
  /** Columns of the widest matrix in a memory. */
  widestIn(memory: number): number
  /** The memory for a cache's layer that had best lie in `preferred`. @throws G3Error `backend/out-of-memory` */
  forCache(preferred: number, bytes: number): number
  /** What `make` gave for a memory when it was first asked for. */
  each<T>(make: (memory: Memory, number: number) => T): (number: number) => T
}

/**
 * @param scratchBytes what the kernels need in a memory with matrices of so many columns
 * @param opened is told of each memory but the first
 */
export const openMemories = (
  shared: boolean,
  limits: Partial<MemoryLimits>,
  scratchBytes: (columns: number) => number,
  opened: (memory: Memory) => void,
): Memories => {
  const first = openMemory(shared, limits.bytes ?? MOST_BYTES)
  const { limit } = first
  const { matrixBytes = Infinity } = limits
  const memories = [first]
  /** Of the matrices in each. */
  const filled: { bytes: number; columns: number }[] = [{ bytes: 0, columns: 0 }]
  let widest = 0
  let kept = 0

  const checkSize = (bytes: number): void => {
    if (bytes > limit - OVERHEAD) throw outOfMemory(bytes + OVERHEAD, limit)
  }
  const open = (): number => {
    const memory = openMemory(shared, limit)
    opened(memory)
    filled.push({ bytes: 0, columns: 0 })
    return memories.push(memory) - 1
  }
  const hasRoom = (memory: Memory, bytes: number): boolean => memory.fits(bytes + kept + scratchBytes(widest))
  return {
    first,
    at: (number) => memories[number],
    get grows() {
      return memories.reduce((sum, { grows }) => sum + grows, 0)
    },
    checkSize,
    keepFree(bytes) {
      kept += bytes
    },
    forMatrix(bytes, columns) {
      checkSize(bytes)
      widest = Math.max(widest, columns)
      let number = memories.length - 1
      const isFull = filled[number].bytes + bytes > matrixBytes || !hasRoom(memories[number], bytes + limit * FREE_OF_MATRICES)
      // One that is larger than its share has a memory to itself.
      if (isFull && filled[number].bytes > 0) number = open()
      const own = filled[number]
      own.bytes += bytes
      own.columns = Math.max(own.columns, columns)
      return number
    },
    withoutMatrix(number, bytes) {
      filled[number].bytes -= bytes
    },
    widestIn: (number) => filled[number].columns,
    forCache(preferred, bytes) {
      checkSize(bytes)
      const wanted = bytes + limit * FREE_OF_CACHES
      if (hasRoom(memories[preferred], wanted)) return preferred
      const other = memories.findIndex((memory) => hasRoom(memory, wanted))
      return other < 0 ? open() : other
    },
    each<T>(make: (memory: Memory, number: number) => T) {
      const made: T[] = []
      return (number) => (made[number] ??= make(memories[number], number))
    },
  }
}
