import { check } from './errors.js'
import { powers, slotOf, spanHash } from './hash.js'
import type { Vocabulary } from './vocabulary.js'

/** A stretch of text being merged: bytes[start ..) and hashes of its prefixes (prefix[i] = hash of the first i bytes). */
export interface Stretch {
  bytes: Uint8Array
  start: number
  prefix: Int32Array
}

/** The merges of a BPE vocabulary. A merge has a number; among merges that are possible, the lowest rank goes first. */
export interface Merges {
  readonly rank: Int32Array
  /** The piece that a merge makes. */
  readonly result: Int32Array
  /**
   * Number of the merge of two neighbouring symbols, or -1. They span text[start .. end) (offsets in the stretch);
   * `left` and `right` are their piece ids, -1 for a character that is no piece.
   */
  find(text: Stretch, start: number, end: number, left: number, right: number): number
}

/**
 * Merges as SentencePiece and llama.cpp understand a vocabulary with scores: two neighbours merge if their text together is a
 * piece, the best score first (llama.cpp `llm_tokenizer_spm`). The number of a merge is the id of its result.
 * `canMerge[id]` = 0 keeps a piece out.
 */
export function mergesByScore(vocabulary: Vocabulary, scores: Float32Array, canMerge: Uint8Array): Merges {
  const { size, longestBytes } = vocabulary
  const power = powers(longestBytes)
  const result = new Int32Array(size)
  for (let id = 0; id < size; id++) result[id] = id
  return {
    rank: ranksOfScores(scores, canMerge),
    result,
    find({ bytes, start: origin, prefix }, start, end) {
      const length = end - start
      if (length > longestBytes) return -1
      const id = vocabulary.find(bytes, origin + start, origin + end, spanHash(prefix, start, end, power[length]))
      return id >= 0 && canMerge[id] !== 0 ? id : -1
    },
  }
}

/** Rank 0 for the highest score; equal scores share a rank, so that position decides between them. */
function ranksOfScores(scores: Float32Array, canMerge: Uint8Array): Int32Array {
  const ranks = new Int32Array(scores.length)
  // Gemma's scores fall with the id: then one pass does, without sorting.
  let rank = 0
  let last = Infinity
  let falling = true
  for (let id = 0; id < scores.length && falling; id++) {
    if (canMerge[id] === 0) continue
    if (scores[id] > last) falling = false
    if (scores[id] < last && last !== Infinity) rank++
    last = scores[id]
    ranks[id] = rank
  }
  if (falling) return ranks

  const distinct = new Map<number, number>()
  for (const score of scores.toSorted().reverse()) if (!distinct.has(score)) distinct.set(score, distinct.size)
  for (let id = 0; id < scores.length; id++) ranks[id] = distinct.get(scores[id]) ?? 0
  return ranks
}

/** A merge listed by tokenizer.json: pieces left[m] and right[m] make result[m]; earlier ones go first. */
export interface MergeList {
  readonly left: Int32Array
  readonly right: Int32Array
  readonly result: Int32Array
}

const MAX_PROBES = 512

/** Merges exactly as listed (HF tokenizers `BPE`). The number of a merge is its place in the list, and its rank. */
export function mergesByList({ left, right, result }: MergeList): Merges {
  const count = result.length
  const bits = Math.max(4, 33 - Math.clz32(Math.max(1, count)))
  const shift = 32 - bits
  const mask = 2 ** bits - 1
  // Three numbers a slot: left, right, number of the merge + 1 (0 = free).
  const slots = new Int32Array(3 << bits)
  const hashPair = (a: number, b: number): number => (Math.imul(a, 0x85ebca6b) + Math.imul(b, 0xc2b2ae35)) | 0
  for (let merge = 0; merge < count; merge++) {
    let at = 3 * slotOf(hashPair(left[merge], right[merge]), shift)
    for (let probes = 0; slots[at + 2] !== 0; probes++) {
      check(probes < MAX_PROBES, 'tokenizer/bad-merges', 'too many merges share a hash: not merges of a tokenizer')
      const same = slots[at] === left[merge] && slots[at + 1] === right[merge]
      check(!same, 'tokenizer/bad-merges', () => `merge ${merge} repeats merge ${slots[at + 2] - 1}`)
      at = at === 3 * mask ? 0 : at + 3
    }
    slots[at] = left[merge]
    slots[at + 1] = right[merge]
    slots[at + 2] = merge + 1
  }
  const rank = new Int32Array(count)
  for (let merge = 0; merge < count; merge++) rank[merge] = merge
  return {
    rank,
    result,
    find(_text, _start, _end, a, b) {
      if (a < 0 || b < 0) return -1
      let at = 3 * slotOf(hashPair(a, b), shift)
      while (slots[at + 2] !== 0) {
        if (slots[at] === a && slots[at + 1] === b) return slots[at + 2] - 1
        at = at === 3 * mask ? 0 : at + 3
      }
      return -1
    },
  }
}
