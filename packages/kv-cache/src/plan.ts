import { check } from './errors.js'

/** Kernels like whole groups of slots. */
const SLOT_GROUP = 8

/**
 * Kernels sum over slots in chunks, counted from slot 0. A region that starts where a chunk does gives the same bits as
 * any other; chunks are powers of two of up to this size.
 */
const REGION_GROUP = 256

/**
 * Where one sequence lies in a cache of one kind of layer: position p in slot `first` + p mod `slots`. A row at p sees
 * the positions in (p − window, p].
 */
export interface CachePlan {
  /** First slot of the sequence's region. */
  readonly first: number
  /** Slots of the region, a multiple of 8. */
  readonly slots: number
  /** Positions that a row sees, itself included; `undefined`: all up to its own. */
  readonly window: number | undefined
}

/**
 * A ring for local layers. A step of n rows needs window + n − 1 positions at once, so the ring holds `window + slack`:
 * steps of up to `slack` rows, and rewinds by as much. Never larger than the context.
 * @param slack rows of the largest step, drafts included
 * @throws G3Error `kv-cache/size`
 */
export function ring({ window, slack, context }: { window: number; slack: number; context: number }): CachePlan {
  checkSize('window', window)
  checkSize('slack', slack)
  checkSize('context', context)
  return { first: 0, slots: wholeGroups(Math.min(window + slack, context)), window }
}

/**
 * One slot for each position of the context, for global layers.
 * @throws G3Error `kv-cache/size`
 */
export function linear({ context }: { context: number }): CachePlan {
  checkSize('context', context)
  return { first: 0, slots: wholeGroups(context), window: undefined }
}

/** Room for several sequences in one cache. */
export interface Regions {
  /** Slots a layer, in all. */
  readonly slots: number
  /** The place of each sequence: regions of one size that do not overlap. */
  readonly plans: readonly CachePlan[]
}

/**
 * The same plan for `count` sequences side by side in one cache.
 * @throws G3Error `kv-cache/size`, also when slot numbers would pass 2³¹
 */
export function regions(plan: CachePlan, count: number): Regions {
  checkSize('count', count)
  const stride = wholeGroups(plan.slots, REGION_GROUP)
  const first = (index: number): number => plan.first + index * stride
  // No gap after the last, so that one sequence takes what its plan says.
  const slots = first(count - 1) + plan.slots
  checkSize('slots in all', slots)
  return { slots, plans: Array.from({ length: count }, (_, index) => ({ ...plan, first: first(index) })) }
}

export function checkSize(name: string, value: number): void {
  const held = Number.isInteger(value) && value > 0 && value < 2 ** 31
  check(held, 'kv-cache/size', () => `${name} is ${value}, it must be a whole number from 1 to 2147483647`)
}

const wholeGroups = (slots: number, group = SLOT_GROUP): number => Math.ceil(slots / group) * group
