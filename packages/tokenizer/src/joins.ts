import { codePointAt, lengthFromLead } from './utf8.js'
import type { Vocabulary } from './vocabulary.js'

/**
 * Which characters stand side by side inside some piece that merging can make. Where two neighbours in the text never
 * do, no merge can span them: the text may be cut there and both sides encoded on their own, with the same result.
 * English falls into words this way, since no Gemma 3 piece holds a letter followed by a space, a digit or a mark.
 */
export interface Joins {
  /** ascii[left * 128 + right] = 1 if the pair occurs. Exact. */
  readonly ascii: Uint8Array
  /** A bit set over hashed pairs with a character outside ASCII: a false 1 only means a cut less. */
  readonly wide: Int32Array
}

/** 2^20 bits: Gemma 3 sets 30,000 of them. */
const WIDE_SHIFT = 12

const wideBit = (left: number, right: number): number =>
  Math.imul(Math.imul(left, 0x85ebca6b) ^ Math.imul(right, 0x9e3779b1), 0xc2b2ae35) >>> WIDE_SHIFT

/** True if a merge may span the neighbours `left` and `right` (code points of inner form). */
export function mayJoin(joins: Joins, left: number, right: number): boolean {
  if ((left | right) < 128) return joins.ascii[(left << 7) | right] !== 0
  const bit = wideBit(left, right)
  return ((joins.wide[bit >>> 5] >>> (bit & 31)) & 1) !== 0
}

/** Reads the pairs out of every piece for which `canMerge[id]` is not 0. */
export function collectJoins({ size, bytes, offsets }: Vocabulary, canMerge: Uint8Array): Joins {
  const ascii = new Uint8Array(128 * 128)
  const wide = new Int32Array(2 ** (32 - WIDE_SHIFT) / 32)
  for (let id = 0; id < size; id++) {
    if (canMerge[id] === 0) continue
    const end = offsets[id + 1]
    let left = -1
    for (let at = offsets[id]; at < end; at += lengthFromLead(bytes[at])) {
      const right = codePointAt(bytes, at)
      if (left >= 0) {
        if ((left | right) < 128) ascii[(left << 7) | right] = 1
        else {
          const bit = wideBit(left, right)
          wide[bit >>> 5] |= 1 << (bit & 31)
        }
      }
      left = right
    }
  }
  return { ascii, wide }
}
