import type { Backend, CacheStore, CacheView, Program, Step } from '@g3/backend'
import { placement } from '@g3/kv-cache'
import { HEAD_ROWS, type Lane, type Output, type Outputs } from './lane.js'

/** Runs the model's programs for the sequences in its lanes. Callers have checked what they pass. Allocates nothing. */
export interface Passes {
  /** Runs the body on some tokens of one sequence. */
  read(lane: Lane, ids: Int32Array): void
  /** Runs the body on one token of each sequence. */
  step(lanes: readonly Lane[], ids: ArrayLike<number>): void
  /**
   * Runs the head on the last token of each sequence, {@link HEAD_ROWS} at a time: lanes [i, i + HEAD_ROWS) find theirs
   * in the outputs of lane i.
   */
  head(lanes: readonly Lane[], form: keyof Outputs): void
  /** Whether the latest pass is one of this sequence: h has its rows. */
  isLatest(lane: Lane): boolean
  /** Runs one form of the head on rows of the latest pass. */
  headOf(output: Output, from: number, rows: number): void
}

export interface PassParts {
  readonly backend: Backend
  /** ids -> h [maxRows, width], which holds the last pass only */
  readonly body: Program
  readonly caches: readonly CacheStore[]
  readonly maxRows: number
}

type MutableStep = { -readonly [Key in keyof Step]: Step[Key] }

export function passes({ backend, body, caches, maxRows }: PassParts): Passes {
  const placed = placement({ caches: caches.length, maxRows })
  const ids = new Int32Array(maxRows)
  const views: CacheView[] = []
  for (const [i, { index }] of caches.entries()) views[index] = placed.views[i]
  const bodyStep: MutableStep = { rows: 0, ids, positions: placed.positions, views }
  const headStep: MutableStep = { rows: 0, from: 0 }
  /** Number of the latest pass, whose rows h holds. */
  let latest = 0

  const begin = (): void => {
    placed.rows = 0
    latest++
  }

  /** Adds rows of a sequence, whose ids are in place already. */
  const add = (lane: Lane, count: number): void => {
    lane.positions.append(placed, count)
    lane.lastRow = placed.rows - 1
    lane.lastId = ids[lane.lastRow]
    lane.lastPass = latest
  }

  const run = (): void => {
    bodyStep.rows = placed.rows
    backend.run(body, bodyStep)
  }

  /** Whether h still holds the last tokens of these lanes, one after the other. */
  const areTogether = (lanes: readonly Lane[]): boolean => {
    for (let i = 0; i < lanes.length; i++) {
      if (lanes[i].lastPass !== latest || lanes[i].lastRow !== lanes[0].lastRow + i) return false
    }
    return true
  }

  /**
   * Runs the body again on the last tokens, because others have used h since. Gives the same bits, since those of a row
   * do not depend on its step; and a ring always holds what the last token saw.
   */
  const gather = (lanes: readonly Lane[]): void => {
    begin()
    for (let i = 0; i < lanes.length; i++) {
      const { positions, lastId } = lanes[i]
      positions.rewind(positions.length - 1)
      ids[i] = lastId
      add(lanes[i], 1)
    }
    run()
  }

  const headOf = ({ program }: Output, from: number, rows: number): void => {
    headStep.from = from
    headStep.rows = rows
    backend.run(program, headStep)
  }

  return {
    read(lane, added) {
      begin()
      ids.set(added)
      add(lane, added.length)
      run()
    },
    step(lanes, added) {
      begin()
      for (let i = 0; i < lanes.length; i++) {
        ids[i] = added[i]
        add(lanes[i], 1)
      }
      run()
    },
    head(lanes, form) {
      if (!areTogether(lanes)) gather(lanes)
      for (let i = 0; i < lanes.length; i += HEAD_ROWS) {
        headOf(lanes[i].outputs[form], lanes[i].lastRow, Math.min(HEAD_ROWS, lanes.length - i))
      }
    },
    isLatest: ({ lastPass }) => lastPass === latest,
    headOf,
  }
}
