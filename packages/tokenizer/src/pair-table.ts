import { check } from './errors.js'
import { slotOf } from './hash.js'

/** A map from two numbers (0 to 2^31 - 1) to a third, of fixed capacity. */
export interface PairTable {
  /** The number stored for (a, b), or -1. */
  get(a: number, b: number): number
  /** Stores `value` (at least 0) unless (a, b) has one already; returns the value that is there now. */
  add(a: number, b: number, value: number): number
}

/** The table is at most half full, so probes stay short; only pairs made to collide reach this, and they are refused. */
const MAX_PROBES = 512

/** `code` is thrown by `add` when too many pairs collide. */
export function pairTable(capacity: number, code: string): PairTable {
  const bits = Math.max(4, 33 - Math.clz32(Math.max(1, capacity)))
  const shift = 32 - bits
  const last = 3 * (2 ** bits - 1)
  // Three numbers a slot: a, b, value + 1 (0 = free).
  const slots = new Int32Array(3 << bits)
  const home = (a: number, b: number): number =>
    3 * slotOf((Math.imul(a, 0x85ebca6b) + Math.imul(b, 0xc2b2ae35)) | 0, shift)

  return {
    get(a, b) {
      let at = home(a, b)
      for (let probes = 0; probes < MAX_PROBES && slots[at + 2] !== 0; probes++) {
        if (slots[at] === a && slots[at + 1] === b) return slots[at + 2] - 1
        at = at === last ? 0 : at + 3
      }
      return -1
    },
    add(a, b, value) {
      let at = home(a, b)
      for (let probes = 0; slots[at + 2] !== 0; probes++) {
        if (slots[at] === a && slots[at + 1] === b) return slots[at + 2] - 1
        check(probes < MAX_PROBES - 1, code, 'too many entries share a hash: this was made to be slow')
        at = at === last ? 0 : at + 3
      }
      slots[at] = a
      slots[at + 1] = b
      slots[at + 2] = value + 1
      return value
    },
  }
}
