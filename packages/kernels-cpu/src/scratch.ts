import type { CacheSpec } from '@g3/backend'
import { LINE, scratchBytes, stateBytes } from './layout.js'
import type { Memory } from './memory.js'

/** What the kernels need room for. */
export interface Demand {
  /** Columns of the widest matrix. */
  readonly columns: number
  readonly caches: readonly CacheShape[]
}

type CacheShape = Pick<CacheSpec, 'tableEntries' | 'headDim'>

/** Attention's partial results. Split over threads is a tile's attention only if tiles are fewer than threads. */
export const partialBytes = ({ tableEntries, headDim }: CacheShape, threads: number): number =>
  tableEntries * stateBytes(headDim) * (threads - 1)

/** Most attention layers that a program can have: each takes a ticket counter. */
const COUNTERS = 1024

/**
 * Scratch memory, and the words that tell the kernels where it is (`assembly/lib/config.ts`). It grows with the demand; what was
 * given out before stays valid for the jobs that wait with it.
 */
export const scratchSpace = (memory: Memory, precision: number, threads: number, quads: boolean): ((demand: Demand) => number) => {
  const counters = memory.allocate(COUNTERS * 4)
  let columns = 0
  let base = 0
  let partials = 0
  let roomForPartials = 0
  let address = 0
  return (demand) => {
    const wanted = Math.max(0, ...demand.caches.map((cache) => partialBytes(cache, threads)))
    if (address && demand.columns <= columns && wanted <= roomForPartials) return address
    if (demand.columns > columns || !base) {
      columns = demand.columns
      base = memory.allocate(threads * scratchBytes(columns))
    }
    if (wanted > roomForPartials) {
      roomForPartials = wanted
      partials = memory.allocate(wanted)
    }
    address = memory.allocate(LINE)
    memory
      .i32(address, 7)
      .set([precision, base, scratchBytes(columns), columns, counters, partials, quads ? 1 : 0])
    return address
  }
}
