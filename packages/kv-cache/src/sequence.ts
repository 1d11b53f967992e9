import { check, G3Error } from './errors.js'
import { checkRoom, place, type Block, type Placement } from './placement.js'
import { checkSize, type CachePlan } from './plan.js'

/** The positions of one text in the caches. Integers only: the keys and values themselves live in the backend. */
export interface Sequence {
  /** Positions in use: the next row gets this position. */
  readonly length: number
  /** Positions that fit, in all. */
  readonly context: number
  readonly remaining: number
  /**
   * Takes the next `count` positions and adds their rows to a step, once a step. Allocates nothing.
   * @param blocks images among them, in absolute positions, in order; each whole, for its rows see each other
   * @throws G3Error `kv-cache/full` when they do not fit, `kv-cache/step` for more rows than the rings' slack,
   *   `kv-cache/block` for a block that is cut or out of order, `kv-cache/placement` for a step that has no room, is of
   *   other caches, or has rows of this sequence. Nothing has changed then.
   */
  append(into: Placement, count: number, blocks?: readonly Block[]): void
  /** Whether {@link rewind} to this length is possible. */
  canRewind(length: number): boolean
  /**
   * Goes back to an earlier length, exactly as if what followed had never been appended.
   * @throws G3Error `kv-cache/rewound-past-window` when a ring has overwritten what the next row would see,
   *   `kv-cache/block` for a length inside an image, `kv-cache/length` for one that was never reached
   */
  rewind(length: number): void
  /** Back to no positions. Always possible. */
  reset(): void
}

/**
 * @param plans one for each cache
 * @param options.context positions in all
 * @param options.maxRows this sequence's rows in the largest step: every ring must have at least that slack
 * @throws G3Error `kv-cache/size`
 */
export function sequence(
  plans: readonly CachePlan[],
  { context, maxRows }: { context: number; maxRows: number },
): Sequence {
  checkSize('context', context)
  checkSize('maxRows', maxRows)
  check(plans.length > 0, 'kv-cache/size', () => 'a sequence needs a plan for at least one cache')
  for (const plan of plans) checkHolds(plan, context, maxRows)
  let blocks: readonly Block[] = []
  let length = 0
  /** One past the highest position written since the last reset: everything `slots` below it is overwritten. */
  let written = 0

  const self: Sequence = {
    get length() {
      return length
    },
    context,
    get remaining() {
      return context - length
    },
    append(into, count, added = NO_BLOCKS) {
      if (!Number.isInteger(count) || count < 1 || count > maxRows) throw stepProblem(count, maxRows)
      if (count > context - length) throw fullProblem(count, length, context)
      checkRoom(into, plans, count)
      if (added.length > 0) {
        checkBlocks(added, length, length + count)
        blocks = [...blocks, ...added]
      }
      place(into, plans, length, count, added)
      length += count
      written = Math.max(written, length)
    },
    canRewind: (to) => reached(to) && whole(to) && intact(to),
    rewind(to) {
      check(reached(to), 'kv-cache/length', () => `cannot rewind to ${to}: the sequence has had ${length} positions`)
      check(whole(to), 'kv-cache/block', () => `position ${to} is inside an image; rewind to its start or its end`)
      check(intact(to), 'kv-cache/rewound-past-window', () => overwrittenProblem(to))
      if (to === 0) return self.reset()
      length = to
      if (blocks.length > 0) blocks = blocks.filter(({ end }) => end <= to)
    },
    reset() {
      length = 0
      written = 0
      blocks = NO_BLOCKS
    },
  }

  const reached = (to: number): boolean => Number.isInteger(to) && to >= 0 && to <= length
  const whole = (to: number): boolean => blocks.every(({ start, end }) => to <= start || to >= end)
  /**
   * Whether what the row at `to` would see is still there: its window starts no lower than the oldest intact position.
   */
  const intact = (to: number): boolean =>
    to === 0 ||
    plans.every(({ slots, window }) => {
      const first = window === undefined ? 0 : Math.max(0, to - window + 1)
      return first >= written - slots
    })

  return self
}

const NO_BLOCKS: readonly Block[] = []

function checkHolds({ slots, window }: CachePlan, context: number, maxRows: number): void {
  const needed = window === undefined ? context : Math.min(context, window + maxRows - 1)
  check(
    slots >= needed,
    'kv-cache/size',
    () => `a plan of ${slots} slots cannot hold the ${needed} that a step may see`,
  )
}

function checkBlocks(blocks: readonly Block[], from: number, to: number): void {
  let free = from
  for (const { start, end } of blocks) {
    const fits = Number.isInteger(start) && Number.isInteger(end) && free <= start && start < end && end <= to
    check(
      fits,
      'kv-cache/block',
      () => `image at positions ${start} to ${end} is not a whole part of this step (${free} to ${to})`,
    )
    free = end
  }
}

const stepProblem = (count: number, maxRows: number): G3Error =>
  new G3Error('kv-cache/step', `a step has 1 to ${maxRows} rows, not ${count}`)

const fullProblem = (count: number, length: number, context: number): G3Error =>
  new G3Error('kv-cache/full', `${count} more positions do not fit: ${length} of ${context} are in use`)

const overwrittenProblem = (to: number): string =>
  `cannot rewind to ${to}: the ring has overwritten positions that the next row would see; reset and append again`
