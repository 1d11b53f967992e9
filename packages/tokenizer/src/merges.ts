import { check } from './errors.js'
import { powers, spanHash } from './hash.js'
import { pairTable } from './pair-table.js'
import type { Vocabulary } from './vocabulary.js'

/**
 * A stretch of text being merged: bytes[start ..) and hashes of its prefixes (prefix[i] = hash of the first i bytes).
 */
export interface Stretch {
  bytes: Uint8Array
  start: number
  prefix: Int32Array
}

/** The merges of a BPE vocabulary. A merge has a number; among merges that are possible, the lowest rank goes first. */
export interface Merges {
  rank(merge: number): number
  /** Id of the piece that a merge makes. */
  result(merge: number): number
  /**
   * Number of the merge of two neighbouring symbols, or -1. They span text[start .. end) (offsets in the stretch);
   * `left` and `right` are their piece ids, -1 for a character that is no piece.
   */
  find(text: Stretch, start: number, end: number, left: number, right: number): number
}

/**
 * Merges as SentencePiece and llama.cpp understand a vocabulary with scores: two neighbours merge if their text
 * together is a piece, the best score first (llama.cpp `llm_tokenizer_spm`). The number of a merge is the id of its
 * result. `canMerge[id]` = 0 keeps a piece out.
 */
export function mergesByScore(vocabulary: Vocabulary, scores: Float32Array, canMerge: Uint8Array): Merges {
  const { longestBytes } = vocabulary
  const power = powers(longestBytes)
  const ranks = ranksOfScores(scores, canMerge)
  return {
    rank: (id) => ranks[id],
    result: (id) => id,
    find({ bytes, start: origin, prefix }, start, end) {
      const length = end - start
      if (length > longestBytes) return -1
      const id = vocabulary.find(bytes, origin + start, origin + end, spanHash(prefix, start, end, power[length]))
      return id >= 0 && ranks[id] >= 0 ? id : -1
    },
  }
}

/** Rank 0 for the highest score, -1 for what can't merge; equal scores share a rank, and position decides then. */
function ranksOfScores(scores: Float32Array, canMerge: Uint8Array): Int32Array {
  const ranks = new Int32Array(scores.length).fill(-1)
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
  for (let id = 0; id < scores.length; id++) ranks[id] = canMerge[id] === 0 ? -1 : distinct.get(scores[id]) ?? -1
  return ranks
}

/** A merge listed by tokenizer.json: pieces left[m] and right[m] make result[m]; earlier ones go first. */
export interface MergeList {
  readonly left: Int32Array
  readonly right: Int32Array
  readonly result: Int32Array
}

/** Merges exactly as listed (HF tokenizers `BPE`). The number of a merge is its place in the list, and its rank. */
export function mergesByList({ left, right, result }: MergeList): Merges {
  const table = pairTable(result.length, 'tokenizer/bad-merges')
  for (let merge = 0; merge < result.length; merge++) {
    const known = table.add(left[merge], right[merge], merge)
    check(known === merge, 'tokenizer/bad-merges', () => `merge ${merge} repeats merge ${known}`)
  }
  return {
    rank: (merge) => merge,
    result: (merge) => result[merge],
    find: (_text, _start, _end, a, b) => (a < 0 || b < 0 ? -1 : table.get(a, b)),
  }
}
