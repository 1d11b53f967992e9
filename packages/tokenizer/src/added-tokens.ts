import { check } from './errors.js'
import { pairTable } from './pair-table.js'
import type { PackedStrings } from './vocabulary.js'

/**
 * Added tokens: strings that are cut out of the raw text before any merging, the longest at the leftmost place first.
 */
export interface AddedTokens {
  /** Bytes of each added token in the raw text, by id. */
  readonly lengths: Uint8Array
  /**
   * Id of the longest added token at bytes[at ..) that ends by `end`, or -1. Markers count only if `markers` is true.
   */
  match(bytes: Uint8Array, at: number, end: number, markers: boolean): number
  /** Where the next added token begins, from `at` on; `end` if there is none. */
  seek(bytes: Uint8Array, at: number, end: number, markers: boolean): number
}

/** Bounds what a byte of text can cost. Gemma 3's longest is 31 times U+2581, 93 bytes. */
const MAX_BYTES = 128

/**
 * Builds the matcher, a trie over bytes, from the raw pieces of the vocabulary. isMarker[id] = 1 for tokens that are
 * matched only on request. Of equal tokens the first counts; empty ones never match. Throws `tokenizer/bad-vocabulary`.
 */
export function addedTokens(pieces: PackedStrings, ids: readonly number[], isMarker: Uint8Array): AddedTokens {
  let capacity = 1
  for (const id of ids) capacity += pieces.lengths[id]
  const children = pairTable(0, 'tokenizer/bad-vocabulary')
  /** The token that ends at a node, or -1. Node 0 is no node, so that a missing first byte reads as none. */
  const token = new Int32Array(capacity + 1).fill(-1)
  const first = new Int32Array(256)
  /** opens[first * 256 + second] = 1 if a token may begin so. Most spaces, which open runs of spaces, go no further. */
  const opens = new Uint8Array(1 << 16)
  const lengths = new Uint8Array(pieces.lengths.length)
  let nodes = 1

  for (const id of ids) {
    const start = pieces.starts[id]
    const length = pieces.lengths[id]
    const tooLong = `the added token ${id} has ${length} bytes, at most ${MAX_BYTES} are supported`
    check(length <= MAX_BYTES, 'tokenizer/bad-vocabulary', tooLong)
    if (length === 0) continue
    lengths[id] = length
    const lead = pieces.bytes[start]
    if (first[lead] === 0) first[lead] = nodes++
    let node = first[lead]
    for (let i = start + 1; i < start + length; i++) {
      node = children.add(node, pieces.bytes[i], nodes)
      if (node === nodes) nodes++
    }
    if (token[node] < 0) token[node] = id
    if (length === 1) opens.fill(1, lead << 8, (lead + 1) << 8)
    else opens[(lead << 8) | pieces.bytes[start + 1]] = 1
  }

  const match = (bytes: Uint8Array, at: number, end: number, markers: boolean): number => {
    let longest = -1
    for (let node = first[bytes[at]]; node > 0; ) {
      const id = token[node]
      if (id >= 0 && (markers || isMarker[id] === 0)) longest = id
      at++
      node = at < end ? children.get(node, bytes[at]) : -1
    }
    return longest
  }
  return {
    lengths,
    match,
    seek(bytes, at, end, markers) {
      for (; at < end; at++) {
        const lead = bytes[at]
        if (first[lead] === 0 || (at + 1 < end && opens[(lead << 8) | bytes[at + 1]] === 0)) continue
        if (match(bytes, at, end, markers) >= 0) break
      }
      return at
    },
  }
}
