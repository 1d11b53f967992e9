import {
  DRAW_WORDS,
  type Backend,
  type CacheStore,
  type LogitEdits,
  type CacheView,
  type Program,
  type Step,
} from '@g3/backend'
import type { Block, Placement } from '@g3/kv-cache'
import type { BodyPrograms } from './body.js'
import { headEnd, rewindLane, type Lane, type Output, type Outputs } from './lane.js'

/** Runs the model's programs for the sequences in its lanes. Callers have checked what they pass. Allocates nothing. */
export interface Passes {
  /** Runs the body on some tokens of one sequence. */
  read(lane: Lane, ids: Int32Array): void
  /**
   * Runs the body on an image, whose rows see each other.
   * @param start puts its soft tokens into x, and what the first layer reads into h
   */
  see(lane: Lane, ids: Int32Array, start: Program): void
  /** Rows of the largest pass. */
  readonly mostRows: number
  /**
   * Runs the body on tokens of each sequence.
   * @param ids those of the first lane, then those of the next
   * @param counts how many each has; default: one
   */
  step(lanes: readonly Lane[], ids: ArrayLike<number>, counts?: ArrayLike<number>): void
  /** Runs the body on the id that a form of the head gave last for this sequence, which is in its outputs. */
  follow(lane: Lane, form: 'picked' | 'drawn'): void
  /**
   * Runs the head on the last token of each sequence, some at a time: lanes [i, `headEnd(lanes, i)`) find theirs in the
   * outputs of lane i.
   * @param draws [lanes, DRAW_WORDS] for forms that draw
   * @param edits for the form `edited`, of one lane
   */
  head(lanes: readonly Lane[], form: keyof Outputs, draws?: Int32Array, edits?: LogitEdits): void
  /** Whether the latest pass is one of this sequence: h has its rows. */
  isLatest(lane: Lane): boolean
  /** Runs one form of the head on rows of the latest pass. */
  headOf(output: Output, from: number, rows: number, draws?: Int32Array): void
}

/** @throws TypeError for a form that this backend does not have: callers know */
function outputOf({ outputs }: Lane, form: keyof Outputs): Output {
  const output = outputs[form]
  if (output === undefined) throw new TypeError(`the head has no form ${form} here`)
  return typeof output === 'function' ? output() : output
}

export interface PassParts {
  readonly backend: Backend
  /** ids -> h [maxRows, width], which holds the last pass only; with the adapters in use. */
  readonly inUse: { readonly programs: BodyPrograms }
  /** In the order of the placement's. */
  readonly caches: readonly CacheStore[]
  /** Room for the largest pass. */
  readonly placed: Placement
}

/** Stands for an id that the backend has and nobody else. */
const UNKNOWN = -1

type MutableStep = { -readonly [Key in keyof Step]: Step[Key] }

export function passes({ backend, inUse, caches, placed }: PassParts): Passes {
  const ids = new Int32Array(placed.positions.length)
  const views: CacheView[] = []
  for (const [i, { index }] of caches.entries()) views[index] = placed.views[i]
  const bodyStep: MutableStep = { rows: 0, ids, positions: placed.positions, views }
  const headStep: MutableStep = { rows: 0, from: 0 }
  /** Number of the latest pass, whose rows h holds. */
  let latest = 0

  const begin = (): void => {
    placed.begin()
    latest++
  }

  /** Adds rows of a sequence, whose ids are in place already. */
  const add = (lane: Lane, count: number, images?: readonly Block[]): void => {
    const first = placed.rows
    if (lane.tokens.length === 0) lane.madeWith = lane.adapters.name
    lane.positions.append(placed, count, images)
    for (let row = first; row < placed.rows; row++) lane.tokens.push(ids[row])
    lane.lastRow = placed.rows - 1
    lane.lastPass = latest
  }

  /** Pages that sequences got for themselves, before anything is written to them. */
  const copyPages = (): void => {
    for (const { cache, from, to } of placed.copies) backend.copyPage(caches[cache], from, to)
  }

  const run = (program = inUse.programs.body): void => {
    copyPages()
    bodyStep.rows = placed.rows
    backend.run(program, bodyStep)
  }

  /** Whether h still holds the last tokens of these lanes. */
  const areLatest = (lanes: readonly Lane[]): boolean => {
    for (let i = 0; i < lanes.length; i++) if (lanes[i].lastPass !== latest) return false
    return true
  }

  /**
   * Runs the body again on the last tokens, because others have used h since. Gives the same bits, since those of a row
   * do not depend on its step; and the caches always hold what the last token saw.
   */
  const gather = (lanes: readonly Lane[]): void => {
    const lastIds = lanes.map(({ tokens }) => tokens.at(tokens.length - 1))
    for (const lane of lanes) rewindLane(lane, lane.positions.length - 1)
    addEach(lanes, lastIds)
    run()
  }

  /** Adds rows of each sequence, or of none where one has no room for them. */
  const addEach = (lanes: readonly Lane[], added: ArrayLike<number>, counts?: ArrayLike<number>): void => {
    begin()
    for (let i = 0; i < added.length; i++) ids[i] = added[i]
    const countOf = (i: number): number => (counts === undefined ? 1 : counts[i])
    let done = 0
    try {
      for (; done < lanes.length; done++) add(lanes[done], countOf(done))
    } catch (error) {
      // The pages that they got stay theirs.
      copyPages()
      for (let i = 0; i < done; i++) rewindLane(lanes[i], lanes[i].positions.length - countOf(i))
      throw error
    }
  }

  /** Runs what fills x and h, then all layers. */
  const runLayers = (start: Program, from: number, rows: number): void => {
    const { layers } = inUse.programs
    if (layers === undefined) throw new TypeError('nothing of this model begins otherwise than by ids')
    headStep.from = from
    headStep.rows = rows
    backend.run(start, headStep)
    run(layers)
  }

  const headOf = ({ program }: Output, from: number, rows: number, draws?: Int32Array): void => {
    if (draws !== undefined) headStep.draws = draws
    headStep.from = from
    headStep.rows = rows
    backend.run(program, headStep)
  }

  return {
    follow(lane, form) {
      const follow = inUse.programs.follow(lane.outputs[form].buffer)
      begin()
      ids[0] = UNKNOWN
      add(lane, 1)
      runLayers(follow, lane.lastRow, 1)
    },
    read(lane, added) {
      begin()
      ids.set(added)
      add(lane, added.length)
      run()
    },
    see(lane, added, start) {
      begin()
      ids.set(added)
      const { length } = lane.positions
      add(lane, added.length, [{ start: length, end: length + added.length }])
      // What follows an image is always another token, and no image's row can be run alone again.
      lane.lastRow = -1
      runLayers(start, 0, added.length)
    },
    mostRows: ids.length,
    step(lanes, added, counts) {
      addEach(lanes, added, counts)
      run()
    },
    head(lanes, form, draws, edits) {
      if (!areLatest(lanes)) gather(lanes)
      for (let i = 0, end = 0; i < lanes.length; i = end) {
        end = headEnd(lanes, i)
        if (draws !== undefined) headStep.draws = draws.subarray(DRAW_WORDS * i)
        if (edits !== undefined) headStep.edits = edits
        headOf(outputOf(lanes[i], form), lanes[i].lastRow, end - i)
      }
    },
    isLatest: ({ lastPass }) => lastPass === latest,
    headOf,
  }
}
