import { BLOCK, GROUP } from './layout.js'
import type { Memories } from './memories.js'
import type { CpuMatrix } from './weights.js'

/** Bytes in which threads note what they have, and tokens that are screened at a time: `assembly/head/screen.ts`. */
const NOTES = 8 * 64
const ROWS = 8

/**
 * Where the largest products of a matrix are found without computing all of them exactly: an address in its memory.
 * 0 for types for which that gains nothing, and where memory is short.
 */
export const screenSpace = (memories: Memories): ((matrix: CpuMatrix) => number) => {
  const spaces = new Map<CpuMatrix, number>()
  const allocate = ({ rows, cols, memory }: CpuMatrix): number => {
    const bytes = NOTES + Math.ceil(rows / GROUP) * (4 * ROWS + 8 * (cols / BLOCK))
    const own = memories.at(memory)
    return own.fits(bytes) ? own.allocate(bytes) : 0
  }
  return (matrix) => {
    if (matrix.type !== 'Q8_0') return 0
    const space = spaces.get(matrix) ?? allocate(matrix)
    spaces.set(matrix, space)
    return space
  }
}
