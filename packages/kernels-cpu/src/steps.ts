import { check, DRAW_WORDS, type CacheSpec, type Step } from '@g3/backend'
import type { Memory } from './memory.js'

/** Steps that can wait at once, as many as jobs. */
const RING = 16

/** Arrays of a step: ids, positions and draws, then slots, spans, tables and pages of each cache. */
const OWN_ARRAYS = 3
const CACHE_ARRAYS = 4

/** What the views of a cache may hold. */
export type ViewSize = Pick<CacheSpec, 'tableEntries'>

/** Words of each array, for so many rows. */
const arrayWords = (rows: number, caches: readonly ViewSize[]): number[] => [
  rows, rows, DRAW_WORDS * rows, ...caches.flatMap(({ tableEntries }) => [rows, 2 * rows, rows, tableEntries]),
]

/** Where one step lies: a header of rows, `from`, where pixels are, the arrays' addresses, and how many entries each cache's pages have. */
export interface StepPlace {
  readonly header: number
  readonly arrays: readonly number[]
}

/** Room for a step of `rows` rows. */
export const allocateStep = (memory: Memory, rows: number, caches: readonly ViewSize[]): StepPlace => {
  const words = arrayWords(rows, caches)
  const header = memory.allocate(4 * (3 + words.length + caches.length))
  let next = memory.allocate(4 * words.reduce((sum, count) => sum + count))
  const arrays = words.map((count) => {
    const address = next
    next += 4 * count
    return address
  })
  memory.i32(header, 3 + arrays.length).set([0, 0, 0, ...arrays])
  return { header, arrays }
}

/** Copies steps into the first memory, where the threads read them. */
export interface Steps {
  /** Makes room for steps of `rows` rows. Steps that were written before stay where they are. */
  reserve(rows: number, caches: readonly ViewSize[]): void
  /** Copies a step to the ring's next place; returns its address. */
  write(step: Step): number
}

/** @param isIdle whether no step waits or runs */
export const stepRing = (memory: Memory, isIdle: () => boolean): Steps => {
  let room = 0
  let views = 0
  let places: StepPlace[] = []
  let turn = 0
  const images: { readonly address: number; readonly length: number }[] = []
  let words = memory.i32(0, 0)
  /** A loop, because a subarray for each token would be garbage. */
  const copy = (from: Int32Array, count: number, address: number): void => {
    const at = address / 4
    for (let i = 0; i < count; i++) words[at + i] = from[i]
  }
  /** Copies an image to the place of step `number`; returns its address. */
  const placeImage = (number: number, pixels: Float32Array): number => {
    const known = images[number]
    const place = known && known.length >= pixels.length ? known : { address: memory.allocate(pixels.byteLength), length: pixels.length }
    images[number] = place
    memory.f32(place.address, pixels.length).set(pixels)
    return place.address
  }
  return {
    reserve(rows, caches) {
      if (rows <= room && caches.length <= views) return
      room = Math.max(rows, room)
      views = Math.max(caches.length, views)
      places = Array.from({ length: RING }, () => allocateStep(memory, room, caches))
    },
    write(step) {
      // Images of steps that wait for each other have places of their own; who awaits each needs only one.
      if (isIdle()) turn = 0
      const number = turn++ % RING
      const place = places[number]
      check(place !== undefined, 'backend/step', 'no program was recorded')
      const { header, arrays } = place
      const pixels = step.pixels ? placeImage(number, step.pixels) : 0
      // A memory that has grown has another buffer; one that is not shared has lost the old one.
      if (words.buffer !== memory.wasm.buffer) words = memory.i32(0, memory.wasm.buffer.byteLength / 4)
      words[header / 4] = step.rows
      words[header / 4 + 1] = step.from ?? 0
      words[header / 4 + 2] = pixels
      if (step.ids) copy(step.ids, step.rows, arrays[0])
      if (step.positions) copy(step.positions, step.rows, arrays[1])
      if (step.draws) copy(step.draws, DRAW_WORDS * step.rows, arrays[2])
      for (let c = 0; c < (step.views?.length ?? 0); c++) {
        const view = step.views?.[c]
        if (!view) continue
        const first = OWN_ARRAYS + CACHE_ARRAYS * c
        copy(view.slots, step.rows, arrays[first])
        copy(view.spans, 2 * step.rows, arrays[first + 1])
        copy(view.tables, step.rows, arrays[first + 2])
        copy(view.pages, view.entries, arrays[first + 3])
        words[header / 4 + 3 + arrays.length + c] = view.entries
      }
      return header
    },
  }
}
