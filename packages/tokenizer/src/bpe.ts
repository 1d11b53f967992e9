import { extend } from './hash.js'
import type { Joins } from './joins.js'
import { mergeQueue, POSITIONS } from './merge-queue.js'
import type { Merges, Stretch } from './merges.js'
import { countCharacters, lengthFromLead } from './utf8.js'
import type { Vocabulary } from './vocabulary.js'

/** Byte-pair encoding of one stretch of text that nothing else touches. */
export interface Bpe {
  /** Encodes bytes[start .. end), well-formed text in inner form, into out[at ..); returns the end. */
  encode(bytes: Uint8Array, start: number, end: number, out: Int32Array, at: number): number
}

export interface BpeParts {
  readonly vocabulary: Vocabulary
  readonly merges: Merges
  /** canStand[id] = 1 if a single character may become this piece. */
  readonly canStand: Uint8Array
  /** Ids of the 256 byte pieces, for characters that are no piece. */
  readonly byteIds: Int32Array
  readonly joins: Joins
}

/** Up to here finding the best merge by looking at all of them beats keeping a queue. */
const SHORT = 40
/** Scratch for stretches up to this many bytes is kept between calls. */
const KEEP = 1 << 14
const NONE = 0x7fffffff

/**
 * State of a stretch: symbol i starts at from[i], is piece id[i] (or -1) and merges with the next by merge[i] (or -1).
 */
interface Symbols {
  from: Int32Array
  id: Int32Array
  merge: Int32Array
  /** Rank of merge[i]; NONE where there is none. */
  rank: Int32Array
  next: Int32Array
  previous: Int32Array
  keys: Float64Array
}

const symbols = (capacity: number): Symbols => ({
  from: new Int32Array(capacity + 1),
  id: new Int32Array(capacity + 1),
  merge: new Int32Array(capacity + 1),
  rank: new Int32Array(capacity + 1),
  next: new Int32Array(capacity + 1),
  previous: new Int32Array(capacity + 1),
  // Every merge takes one entry out and puts at most two in.
  keys: new Float64Array(2 * capacity),
})

export function bpe({ vocabulary, merges, canStand, byteIds, joins }: BpeParts): Bpe {
  const asciiIds = new Int32Array(128)
  for (let byte = 0; byte < 128; byte++) {
    const id = vocabulary.find(Uint8Array.of(byte), 0, 1, extend(0, byte))
    asciiIds[byte] = id >= 0 && canStand[id] !== 0 ? id : -1
  }
  const kept = symbols(KEEP)
  const text: Stretch = { bytes: new Uint8Array(0), start: 0, prefix: new Int32Array(KEEP + 1) }
  const queue = mergeQueue()

  /** asciiMerges[left * 128 + right]: every word begins with these look-ups, and here they stay in a near cache. */
  const asciiMerges = new Int32Array(128 * 128).fill(-1)
  text.bytes = new Uint8Array(2)
  for (let pair = 0; pair < asciiMerges.length; pair++) {
    if (joins.ascii[pair] === 0) continue
    const left = pair >>> 7
    const right = pair & 127
    text.bytes[0] = left
    text.bytes[1] = right
    text.prefix[1] = extend(0, left)
    text.prefix[2] = extend(text.prefix[1], right)
    asciiMerges[pair] = merges.find(text, 0, 2, asciiIds[left], asciiIds[right])
  }

  /** Splits the stretch into characters; returns how many. */
  const toCharacters = (s: Symbols, length: number): number => {
    const { bytes, start, prefix } = text
    let count = 0
    let hash = 0
    for (let at = 0; at < length; count++) {
      const lead = bytes[start + at]
      const size = lengthFromLead(lead)
      s.from[count] = at
      if (lead < 128) {
        hash = extend(hash, lead)
        prefix[++at] = hash
        s.id[count] = asciiIds[lead]
        continue
      }
      let own = 0
      for (let i = 0; i < size; i++) {
        const byte = bytes[start + at]
        own = extend(own, byte)
        hash = extend(hash, byte)
        prefix[++at] = hash
      }
      const id = vocabulary.find(bytes, start + at - size, start + at, own)
      s.id[count] = id >= 0 && canStand[id] !== 0 ? id : -1
    }
    s.from[count] = length
    return count
  }

  const setMerge = (s: Symbols, i: number, start: number, end: number, left: number, right: number): void => {
    const merge = merges.find(text, start, end, left, right)
    s.merge[i] = merge
    s.rank[i] = merge < 0 ? NONE : merges.rank(merge)
  }

  /** The same for two neighbouring characters. */
  const setFirstMerge = (s: Symbols, i: number): void => {
    const { from, id } = s
    const start = text.start + from[i]
    const left = text.bytes[start]
    const right = text.bytes[start + 1]
    if ((left | right) >= 128) return setMerge(s, i, from[i], from[i + 2], id[i], id[i + 1])
    const merge = asciiMerges[(left << 7) | right]
    s.merge[i] = merge
    s.rank[i] = merge < 0 ? NONE : merges.rank(merge)
  }

  /** Merges `count` symbols, stored without gaps; returns how many are left. */
  const mergeShort = (s: Symbols, count: number): number => {
    const { from, id, merge, rank } = s
    for (let i = 0; i + 1 < count; i++) setFirstMerge(s, i)
    for (;;) {
      let best = -1
      let bestRank = NONE
      for (let i = 0; i + 1 < count; i++) {
        if (rank[i] < bestRank) {
          bestRank = rank[i]
          best = i
        }
      }
      if (best < 0) return count
      id[best] = merges.result(merge[best])
      count--
      for (let i = best + 1; i < count; i++) {
        from[i] = from[i + 1]
        id[i] = id[i + 1]
        merge[i] = merge[i + 1]
        rank[i] = rank[i + 1]
      }
      from[count] = from[count + 1]
      if (best + 1 < count) setMerge(s, best, from[best], from[best + 2], id[best], id[best + 1])
      if (best > 0) setMerge(s, best - 1, from[best - 1], from[best + 1], id[best - 1], id[best])
    }
  }

  /** The same over a linked list with a queue: n log n whatever the text. */
  const mergeLong = (s: Symbols, count: number): number => {
    const { from, id, merge, rank, next, previous, keys } = s
    let queued = 0
    for (let i = 0; i < count; i++) {
      next[i] = i + 1
      previous[i] = i - 1
      if (i + 1 === count) rank[i] = NONE
      else setFirstMerge(s, i)
      if (rank[i] !== NONE) keys[queued++] = rank[i] * POSITIONS + i
    }
    queue.fill(keys, queued)
    for (let key = queue.pop(); key >= 0; key = queue.pop()) {
      const wanted = Math.floor(key / POSITIONS)
      const i = key - wanted * POSITIONS
      // An entry is out of date when its symbol has merged since; then the symbol's rank is another one.
      if (rank[i] !== wanted) continue
      const gone = next[i]
      const after = next[gone]
      id[i] = merges.result(merge[i])
      next[i] = after
      rank[gone] = NONE
      rank[i] = NONE
      if (after < count) {
        previous[after] = i
        setMerge(s, i, from[i], from[next[after]], id[i], id[after])
        if (rank[i] !== NONE) queue.push(rank[i] * POSITIONS + i)
      }
      const before = previous[i]
      if (before >= 0) {
        setMerge(s, before, from[before], from[after], id[before], id[i])
        if (rank[before] !== NONE) queue.push(rank[before] * POSITIONS + before)
      }
    }
    let left = 0
    for (let i = 0; i < count; i = next[i]) {
      from[left] = from[i]
      id[left++] = id[i]
    }
    from[left] = from[count]
    return left
  }

  return {
    encode(bytes, start, end, out, at) {
      const length = end - start
      const s = length <= KEEP ? kept : symbols(countCharacters(bytes, start, end))
      const keptPrefix = text.prefix
      if (length > KEEP) text.prefix = new Int32Array(length + 1)
      text.bytes = bytes
      text.start = start
      const characters = toCharacters(s, length)
      const count = characters <= SHORT ? mergeShort(s, characters) : mergeLong(s, characters)
      for (let i = 0; i < count; i++) {
        if (s.id[i] >= 0) out[at++] = s.id[i]
        else for (let j = s.from[i]; j < s.from[i + 1]; j++) out[at++] = byteIds[bytes[start + j]]
      }
      text.prefix = keptPrefix
      return at
    },
  }
}
