import { check } from './errors.js'
import { MAX_PROBES, spread, tableBits } from './hash.js'

/** A map from two numbers (0 to 2^31 - 1) to a third. */
export interface PairTable {
  /** The number stored for (a, b), or -1. */
  get(a: number, b: number): number
  /** Stores `value` (at least 0) unless (a, b) has one already; returns the value that is there now. */
  add(a: number, b: number, value: number): number
}

/** `expected` entries fit without the table having to grow; `code` is thrown by `add` when too many pairs collide. */
export function pairTable(expected: number, code: string): PairTable {
  let shift = 32 - tableBits(expected)
  // Three numbers a slot: a, b, value + 1 (0 = free).
  let slots = new Int32Array(3 * 2 ** (32 - shift))
  let count = 0

  const home = (a: number, b: number): number =>
    3 * (spread(Math.imul(a, 0x85ebca6b) + Math.imul(b, 0xc2b2ae35)) >>> shift)

  const grow = (): void => {
    const old = slots
    shift--
    slots = new Int32Array(2 * old.length)
    count = 0
    for (let at = 0; at < old.length; at += 3) if (old[at + 2] !== 0) add(old[at], old[at + 1], old[at + 2] - 1)
  }
  const add = (a: number, b: number, value: number): number => {
    if (6 * count >= slots.length) grow()
    let at = home(a, b)
    for (let probes = 0; slots[at + 2] !== 0; probes++) {
      if (slots[at] === a && slots[at + 1] === b) return slots[at + 2] - 1
      check(probes < MAX_PROBES - 1, code, 'too many entries share a hash: this was made to be slow')
      at = at + 3 === slots.length ? 0 : at + 3
    }
    slots[at] = a
    slots[at + 1] = b
    slots[at + 2] = value + 1
    count++
    return value
  }

  return {
    add,
    get(a, b) {
      let at = home(a, b)
      for (let probes = 0; probes < MAX_PROBES && slots[at + 2] !== 0; probes++) {
        if (slots[at] === a && slots[at + 1] === b) return slots[at + 2] - 1
        at = at + 3 === slots.length ? 0 : at + 3
      }
      return -1
    },
  }
}
