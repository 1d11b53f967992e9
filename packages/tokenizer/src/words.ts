import { bpe, type BpeParts } from './bpe.js'
import { mayJoin } from './joins.js'
import { codePointAt, lengthFromLead } from './utf8.js'
import { MAX_WORD_BYTES, wordCache } from './word-cache.js'

/** Encodes plain text (no added tokens in it). */
export interface WordEncoder {
  /** Encodes bytes[start .. end), well-formed text in inner form, into out[at ..); returns the end. */
  encode(bytes: Uint8Array, start: number, end: number, out: Int32Array, at: number): number
}

/** 32,768 words, 2 MiB: a book has fewer. */
const CACHE_BITS = 15

/** Cuts text where no merge can reach across (see {@link Joins}), then takes each word from the cache or merges it. */
export function wordEncoder(parts: BpeParts): WordEncoder {
  const { joins } = parts
  const cache = wordCache(CACHE_BITS)
  const merger = bpe(parts)

  const encodeWord = (
    bytes: Uint8Array, start: number, end: number, hash: number, out: Int32Array, at: number,
  ): number => {
    const length = end - start
    if (length > MAX_WORD_BYTES) return merger.encode(bytes, start, end, out, at)
    const known = cache.get(hash, bytes, start, length, out, at)
    if (known >= 0) return known
    const after = merger.encode(bytes, start, end, out, at)
    cache.put(hash, bytes, start, length, out, at, after)
    return after
  }

  return {
    encode(bytes, start, end, out, at) {
      const { ascii } = joins
      let word = start
      let hash = 0
      let left = -1
      for (let p = start; p < end; ) {
        const lead = bytes[p]
        const right = lead < 128 ? lead : codePointAt(bytes, p)
        // Spelled out for ASCII, and hashed with shifts: until the optimiser has seen this loop, calls are most of its
        // time.
        const joined = (left | right) < 128 ? left < 0 || ascii[(left << 7) | right] !== 0 : mayJoin(joins, left, right)
        if (!joined) {
          at = encodeWord(bytes, word, p, hash, out, at)
          word = p
          hash = 0
        }
        left = right
        hash = ((hash << 5) - hash + lead) | 0
        p++
        if (lead < 128) continue
        for (const next = p + lengthFromLead(lead) - 1; p < next; p++) hash = ((hash << 5) - hash + bytes[p]) | 0
      }
      return word < end ? encodeWord(bytes, word, end, hash, out, at) : at
    },
  }
}
