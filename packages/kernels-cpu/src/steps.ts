import { check, type Step } from '@g3/backend'
import type { Memory } from './memory.js'

/** Steps that can wait at once, as many as jobs. */
const RING = 16

/** Copies steps into shared memory, where the threads read them: rows, from, ids, positions, then slots and spans a cache. */
export interface Steps {
  /** Makes room for steps of `rows` rows. Steps that were written before stay where they are. */
  reserve(rows: number, caches: number): void
  /** Copies a step to the ring's next place; returns its address. */
  write(step: Step): number
}

export const stepRing = (memory: Memory): Steps => {
  let room = 0
  let views = 0
  let places: { readonly header: Int32Array; readonly address: number; readonly rows: Int32Array }[] = []
  let turn = 0
  return {
    reserve(rows, caches) {
      if (rows <= room && caches <= views) return
      room = Math.max(rows, room)
      views = Math.max(caches, views)
      const arrays = room * (2 + 5 * views)
      places = Array.from({ length: RING }, () => {
        const address = memory.allocate(16 + 8 * views)
        const base = memory.allocate(arrays * 4)
        const header = memory.i32(address, 4 + 2 * views)
        header[2] = base
        header[3] = base + 4 * room
        for (let c = 0; c < views; c++) {
          header[4 + 2 * c] = base + 4 * room * (2 + 5 * c)
          header[5 + 2 * c] = base + 4 * room * (3 + 5 * c)
        }
        return { header, address, rows: memory.i32(base, arrays) }
      })
    },
    write(step) {
      const place = places[turn++ % RING]
      check(place !== undefined, 'backend/step', 'no program was recorded')
      const { header, address, rows } = place
      header[0] = step.rows
      header[1] = step.from ?? 0
      if (step.ids) copy(step.ids, step.rows, rows, 0)
      if (step.positions) copy(step.positions, step.rows, rows, room)
      for (let c = 0; c < (step.views?.length ?? 0); c++) {
        const view = step.views?.[c]
        if (!view) continue
        const at = room * (2 + 5 * c)
        copy(view.slots, step.rows, rows, at)
        copy(view.spans, 4 * step.rows, rows, at + room)
      }
      return address
    },
  }
}

/** A loop, because a subarray for each token would be garbage. */
function copy(from: Int32Array, count: number, to: Int32Array, at: number): void {
  for (let i = 0; i < count; i++) to[at + i] = from[i] ?? 0
}
