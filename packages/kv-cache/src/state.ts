import { areWhole, type Block } from './blocks.js'
import { check } from './errors.js'
import type { Cache } from './held-pages.js'
import { PAGE, pagesOf } from './sizes.js'

/** A text as plain numbers. */
export interface SequenceState {
  readonly length: number
  readonly blocks: readonly Block[]
  readonly wasShifted: boolean
  readonly caches: readonly CacheState[]
}

export interface CacheState {
  /** Number of the first page of the text that is held, and how many follow it. */
  readonly first: number
  readonly count: number
  /** Lowest position that rows may see. */
  readonly floor: number
}

/** @throws G3Error `kv-cache/state` for what no text in these caches can be */
export function checkState(
  { length, blocks, caches: states }: SequenceState,
  caches: readonly Cache[],
  context: number,
): void {
  const fits = Number.isInteger(length) && length >= 0 && length <= context && states.length === caches.length
  check(
    fits,
    'kv-cache/state',
    () => `${length} positions in ${states.length} caches are no text for ${context} in ${caches.length}`,
  )
  const whole = areWhole(blocks, 0, length)
  check(whole, 'kv-cache/state', () => `its images are not whole parts of ${length} positions, in order`)
  for (const [index, state] of states.entries()) {
    check(
      isHeld(state, length, caches[index].window),
      'kv-cache/state',
      () => `a text of ${length} positions does not hold ${state.count} pages of cache ${index} from ${state.first} on`,
    )
  }
}

/** Whether the pages are those up to the end of the text, and all that its next row sees is in them. */
function isHeld({ first, count, floor }: CacheState, length: number, window: number | undefined): boolean {
  if (![first, count, floor].every((value) => Number.isInteger(value) && value >= 0)) return false
  if (first + count !== Math.max(first, pagesOf(length))) return false
  if (window === undefined) return first === 0 && floor === 0
  return floor <= length && first * PAGE <= Math.max(floor, length - window + 1, 0)
}
