import { expect } from 'vitest'
import type { Block, Placement } from '../placement.js'
import type { CachePlan } from '../plan.js'

/** What lies in a slot: whose position it is, and which append wrote it (a rewound position is written again later). */
interface Entry {
  readonly owner: number
  readonly position: number
  readonly writer: number
}

/** What the slots of each cache hold. Several sequences may share it. */
export type NaiveMemory = readonly Map<number, Entry>[]

export const naiveMemory = (caches: number): NaiveMemory => Array.from({ length: caches }, () => new Map())

/** The rows of one sequence in a step. */
interface Rows {
  readonly first: number
  readonly count: number
}

/** The naive truth: slots as maps, the text as a list of writers, visibility by trying every position. */
export function naiveModel(plans: readonly CachePlan[], memory: NaiveMemory = naiveMemory(plans.length), owner = 0) {
  let writers: number[] = []
  let blocks: Block[] = []
  let appends = 0

  const sees = (row: number, other: number, { window = Infinity }: CachePlan): boolean => {
    const together = blocks.some(({ start, end }) => start <= row && row < end && start <= other && other < end)
    return row - other < window && (other <= row || together)
  }
  const held = (cache: number, position: number): boolean => {
    const { first, slots } = plans[cache]
    const entry = memory[cache].get(first + (position % slots))
    return entry?.owner === owner && entry.position === position && entry.writer === writers[position]
  }
  return {
    /** Writes the step's rows of this sequence; those of others are written by their own models. */
    store({ positions, views }: Placement, { first, count }: Rows, added: readonly Block[] = []): void {
      const start = writers.length
      appends++
      for (let row = 0; row < count; row++) writers.push(appends)
      blocks.push(...added)
      expect([...positions.subarray(first, first + count)]).toEqual(writers.slice(start).map((_, row) => start + row))
      for (const [cache, { slots }] of views.entries()) {
        for (let row = 0; row < count; row++) {
          memory[cache].set(slots[first + row], { owner, position: start + row, writer: appends })
        }
      }
    },
    /** Holds what the rows just stored see to what they should, after all sequences of the step have stored theirs. */
    check({ views }: Placement, { first, count }: Rows): void {
      const start = writers.length - count
      for (const [cache, { spans }] of views.entries()) {
        for (let row = 0; row < count; row++) {
          const want = writers.flatMap((writer, other) =>
            sees(start + row, other, plans[cache]) ? [`${other} by ${writer} of ${owner}`] : [],
          )
          expect(visible(memory[cache], spans, first + row).sort()).toEqual(want.sort())
        }
      }
    },
    canRewind: (to: number): boolean =>
      to <= writers.length &&
      !blocks.some(({ start, end }) => start < to && to < end) &&
      plans.every(({ window = Infinity }, cache) =>
        writers.every((_, position) => position >= to || to - position >= window || held(cache, position)),
      ),
    rewind(to: number): void {
      writers = writers.slice(0, to)
      blocks = blocks.filter(({ end }) => end <= to)
      if (to === 0) forget()
    },
    get length() {
      return writers.length
    },
  }

  function forget(): void {
    for (const slots of memory) {
      for (const [slot, entry] of slots) if (entry.owner === owner) slots.delete(slot)
    }
  }
}

export type NaiveModel = ReturnType<typeof naiveModel>

function visible(slots: ReadonlyMap<number, Entry>, spans: Int32Array, row: number): string[] {
  const found: string[] = []
  for (const at of [4 * row, 4 * row + 2]) {
    for (let slot = spans[at]; slot < spans[at + 1]; slot++) {
      const entry = slots.get(slot)
      found.push(
        entry === undefined ? `nothing in slot ${slot}` : `${entry.position} by ${entry.writer} of ${entry.owner}`,
      )
    }
  }
  return found
}
