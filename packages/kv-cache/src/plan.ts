import { check } from './errors.js'

/** Kernels like whole groups of slots. */
const SLOT_GROUP = 8

/**
 * How a cache of one kind of layer is laid out: position p lies in slot p mod `slots`, and a row at p sees the
 * positions in (p − window, p].
 */
export interface CachePlan {
  /** Slots a layer, a multiple of 8. */
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
  return { slots: wholeGroups(Math.min(window + slack, context)), window }
}

/**
 * One slot for each position of the context, for global layers.
 * @throws G3Error `kv-cache/size`
 */
export function linear({ context }: { context: number }): CachePlan {
  checkSize('context', context)
  return { slots: wholeGroups(context), window: undefined }
}

export function checkSize(name: string, value: number): void {
  const held = Number.isInteger(value) && value > 0 && value < 2 ** 31
  check(held, 'kv-cache/size', () => `${name} is ${value}, it must be a whole number from 1 to 2147483647`)
}

const wholeGroups = (slots: number): number => Math.ceil(slots / SLOT_GROUP) * SLOT_GROUP
