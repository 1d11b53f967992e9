import { check, type Step } from '@g3/backend'
import type { Memory } from './memory.js'

/** Steps that can wait at once, as many as jobs. */
const RING = 16

/** Rows of a step's arrays, in words: ids, positions, then slots and spans of each cache. */
const stepArrays = (caches: number): number[] => [1, 1, ...Array.from({ length: caches }, () => [1, 4]).flat()]

/** Where one step lies: a header of rows, `from` and the arrays' addresses. */
export interface StepPlace {
  readonly header: number
  readonly arrays: readonly number[]
}

/** Room for a step of `rows` rows. */
export const allocateStep = (memory: Memory, rows: number, caches: number): StepPlace => {
  const widths = stepArrays(caches)
  const header = memory.allocate(4 * (2 + widths.length))
  let next = memory.allocate(4 * rows * widths.reduce((sum, words) => sum + words))
  const arrays = widths.map((words) => {
    const address = next
    next += 4 * rows * words
    return address
  })
  memory.i32(header, 2 + arrays.length).set([0, 0, ...arrays])
  return { header, arrays }
}

/** Copies steps into the first memory, where the threads read them. */
export interface Steps {
  /** Makes room for steps of `rows` rows. Steps that were written before stay where they are. */
  reserve(rows: number, caches: number): void
  /** Copies a step to the ring's next place; returns its address. */
  write(step: Step): number
}

export const stepRing = (memory: Memory): Steps => {
  let room = 0
  let views = 0
  let places: StepPlace[] = []
  let turn = 0
  let words = memory.i32(0, 0)
  /** A loop, because a subarray for each token would be garbage. */
  const copy = (from: Int32Array, count: number, address: number): void => {
    const at = address / 4
    for (let i = 0; i < count; i++) words[at + i] = from[i]
  }
  return {
    reserve(rows, caches) {
      if (rows <= room && caches <= views) return
      room = Math.max(rows, room)
      views = Math.max(caches, views)
      places = Array.from({ length: RING }, () => allocateStep(memory, room, views))
    },
    write(step) {
      const place = places[turn++ % RING]
      check(place !== undefined, 'backend/step', 'no program was recorded')
      const { header, arrays } = place
      // A memory that has grown has another buffer; one that is not shared has lost the old one.
      if (words.buffer !== memory.wasm.buffer) words = memory.i32(0, memory.wasm.buffer.byteLength / 4)
      words[header / 4] = step.rows
      words[header / 4 + 1] = step.from ?? 0
      if (step.ids) copy(step.ids, step.rows, arrays[0])
      if (step.positions) copy(step.positions, step.rows, arrays[1])
      for (let c = 0; c < (step.views?.length ?? 0); c++) {
        const view = step.views?.[c]
        if (!view) continue
        copy(view.slots, step.rows, arrays[2 + 2 * c])
        copy(view.spans, 4 * step.rows, arrays[3 + 2 * c])
      }
      return header
    },
  }
}
