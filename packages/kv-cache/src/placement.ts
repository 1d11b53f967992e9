import type { CachePlan } from './plan.js'

/** Where the rows of one step live in one cache. The shape of `CacheView` in `@g3/backend`. */
export interface View {
  /** [rows] the slot that receives each row's key and value. */
  readonly slots: Int32Array
  /**
   * [rows, 4] two half-open slot ranges `a0, a1, b0, b1` that each row sees; the second is empty unless the ring wraps.
   */
  readonly spans: Int32Array
}

/**
 * Where the rows of one step go, in all caches. Its arrays belong to the sequence and are written again by its next
 * `append`; they hold at least `rows` rows, what follows them has no meaning.
 */
export interface Placement {
  readonly rows: number
  /** [rows] absolute positions. */
  readonly positions: Int32Array
  /** One for each plan, in the order of the plans. */
  readonly views: readonly View[]
}

/** Positions [start, end) of one image, which see each other both ways. */
export interface Block {
  readonly start: number
  readonly end: number
}

/** A placement for up to `maxRows` rows, to be filled by {@link place}. */
export interface MutablePlacement extends Placement {
  rows: number
}

export function placement(plans: readonly CachePlan[], maxRows: number): MutablePlacement {
  const views = plans.map(() => ({ slots: new Int32Array(maxRows), spans: new Int32Array(4 * maxRows) }))
  return { rows: 0, positions: new Int32Array(maxRows), views }
}

/** Fills `target` for the positions from `start` on. `blocks` are in order and within the step. Allocates nothing. */
export function place(
  target: MutablePlacement,
  plans: readonly CachePlan[],
  start: number,
  rows: number,
  blocks: readonly Block[],
): void {
  target.rows = rows
  let next = 0
  for (let row = 0; row < rows; row++) {
    const position = start + row
    while (next < blocks.length && blocks[next].end <= position) next++
    const inBlock = next < blocks.length && blocks[next].start <= position
    const end = inBlock ? blocks[next].end : position + 1
    target.positions[row] = position
    for (let cache = 0; cache < plans.length; cache++) placeRow(target.views[cache], plans[cache], row, position, end)
  }
}

/**
 * A row at `position` that sees the positions from its window's start to `end`: one run of slots, or two across the
 * wrap.
 */
function placeRow({ slots, spans }: View, plan: CachePlan, row: number, position: number, end: number): void {
  const first = plan.window === undefined ? 0 : Math.max(0, position - plan.window + 1)
  const from = first % plan.slots
  const to = from + end - first
  slots[row] = position % plan.slots
  spans[4 * row] = from
  spans[4 * row + 1] = Math.min(to, plan.slots)
  spans[4 * row + 2] = 0
  spans[4 * row + 3] = Math.max(0, to - plan.slots)
}
