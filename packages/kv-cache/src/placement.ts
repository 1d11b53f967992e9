import { G3Error } from './errors.js'
import { checkSize, type CachePlan } from './plan.js'

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
 * Where the rows of one step go, in all caches. Sequences add their rows, one after the other; its arrays stay the
 * same from step to step, and what follows `rows` in them has no meaning.
 */
export interface Placement {
  /** Rows so far. Set it to 0 to begin the next step. */
  rows: number
  /** [rows] absolute positions, each in its own sequence. */
  readonly positions: Int32Array
  /** One for each cache, in the order of the sequences' plans. */
  readonly views: readonly View[]
}

/** Positions [start, end) of one image, which see each other both ways. */
export interface Block {
  readonly start: number
  readonly end: number
}

/**
 * A placement without rows.
 * @param options.maxRows rows of the largest step, of all its sequences together
 * @throws G3Error `kv-cache/size`
 */
export function placement({ caches, maxRows }: { caches: number; maxRows: number }): Placement {
  checkSize('caches', caches)
  checkSize('maxRows', maxRows)
  const view = (): View => ({ slots: new Int32Array(maxRows), spans: new Int32Array(4 * maxRows) })
  return { rows: 0, positions: new Int32Array(maxRows), views: Array.from({ length: caches }, view) }
}

/**
 * Checks that `count` rows of a sequence can join the step. Its earlier rows must not be among those there: together
 * they could overwrite what the first of them see.
 * @throws G3Error `kv-cache/placement`
 */
export function checkRoom({ rows, positions, views }: Placement, plans: readonly CachePlan[], count: number): void {
  if (views.length !== plans.length) {
    throw problem(`a placement in ${views.length} caches cannot take rows of a sequence in ${plans.length}`)
  }
  if (!Number.isInteger(rows) || rows < 0 || rows + count > positions.length) {
    throw problem(`${count} more rows do not fit: ${rows} of ${positions.length} are taken`)
  }
  const { slots } = views[0]
  const { first, slots: held } = plans[0]
  for (let row = 0; row < rows; row++) {
    if (slots[row] >= first && slots[row] < first + held) {
      throw problem('the step has rows of this sequence: append all of them at once, or begin the next step')
    }
  }
}

const problem = (message: string): G3Error => new G3Error('kv-cache/placement', message)

/** Adds the positions from `start` on to `target`. `blocks` are in order and within them. Allocates nothing. */
export function place(
  target: Placement,
  plans: readonly CachePlan[],
  start: number,
  count: number,
  blocks: readonly Block[],
): void {
  let next = 0
  for (let position = start; position < start + count; position++) {
    while (next < blocks.length && blocks[next].end <= position) next++
    const inBlock = next < blocks.length && blocks[next].start <= position
    const end = inBlock ? blocks[next].end : position + 1
    const row = target.rows++
    target.positions[row] = position
    for (let cache = 0; cache < plans.length; cache++) placeRow(target.views[cache], plans[cache], row, position, end)
  }
}

/**
 * A row at `position` that sees the positions from its window's start to `end`: one run of slots, or two across the
 * wrap.
 */
function placeRow({ slots, spans }: View, plan: CachePlan, row: number, position: number, end: number): void {
  const seen = plan.window === undefined ? 0 : Math.max(0, position - plan.window + 1)
  const from = seen % plan.slots
  const to = from + end - seen
  slots[row] = plan.first + (position % plan.slots)
  spans[4 * row] = plan.first + from
  spans[4 * row + 1] = plan.first + Math.min(to, plan.slots)
  spans[4 * row + 2] = plan.first
  spans[4 * row + 3] = plan.first + Math.max(0, to - plan.slots)
}
