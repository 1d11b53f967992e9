import { spread } from './hash.js'

/**
 * Remembers how recent words were encoded. A word takes one slot of 64 bytes, a cache line: [hash, length | ids << 8,
 * 24 bytes of text, 8 ids]. A newcomer replaces whoever held the slot, so memory is fixed. `hash` may be any.
 */
export interface WordCache {
  /** Copies the ids of bytes[start .. start + length) to out[at ..) and returns the end, or -1 if it isn't there. */
  get(hash: number, bytes: Uint8Array, start: number, length: number, out: Int32Array, at: number): number
  /** Remembers out[at .. end) as the ids of the word. Ignores words too long for a slot. */
  put(hash: number, bytes: Uint8Array, start: number, length: number, out: Int32Array, at: number, end: number): void
}

export const MAX_WORD_BYTES = 24
const MAX_WORD_IDS = 8
const SLOT_INTS = 16
const TEXT_INT = 2
const IDS_INT = TEXT_INT + MAX_WORD_BYTES / 4

/** `bits`: 2^bits words, 64 bytes each. */
export function wordCache(bits: number): WordCache {
  const ints = new Int32Array(SLOT_INTS << bits)
  const text = new Uint8Array(ints.buffer)
  const shift = 32 - bits
  return {
    get(hash, bytes, start, length, out, at) {
      const slot = (spread(hash) >>> shift) * SLOT_INTS
      const head = ints[slot + 1]
      if (ints[slot] !== hash || (head & 0xff) !== length) return -1
      const from = (slot + TEXT_INT) * 4
      for (let i = 0; i < length; i++) if (text[from + i] !== bytes[start + i]) return -1
      const count = head >>> 8
      for (let i = 0; i < count; i++) out[at + i] = ints[slot + IDS_INT + i]
      return at + count
    },
    put(hash, bytes, start, length, out, at, end) {
      if (length > MAX_WORD_BYTES || end - at > MAX_WORD_IDS) return
      const slot = (spread(hash) >>> shift) * SLOT_INTS
      ints[slot] = hash
      ints[slot + 1] = length | ((end - at) << 8)
      const from = (slot + TEXT_INT) * 4
      for (let i = 0; i < length; i++) text[from + i] = bytes[start + i]
      for (let i = at; i < end; i++) ints[slot + IDS_INT + i - at] = out[i]
    },
  }
}
