import type { PackedStrings } from './vocabulary.js'

/**
 * Added tokens: strings that are cut out of the raw text before any merging, the longest at the leftmost place first.
 * A trie over bytes; the children of a node are a list of siblings.
 */
export interface AddedTokens {
  /** True if an added token may begin with this byte. */
  readonly opens: Uint8Array
  /**
   * Id of the longest added token at bytes[at ..) that ends by `end`, or -1. Markers count only if `markers` is true.
   * The token is as long as its piece in the raw vocabulary (`lengths[id]` of what it was built from).
   */
  match(bytes: Uint8Array, at: number, end: number, markers: boolean): number
}

/** `ids` in ascending order; isMarker[id] = 1 for tokens that are matched only on request. Empty pieces are left out. */
export function addedTokens(pieces: PackedStrings, ids: readonly number[], isMarker: Uint8Array): AddedTokens {
  let capacity = 1
  for (const id of ids) capacity += pieces.lengths[id]
  const byte = new Uint8Array(capacity)
  const child = new Int32Array(capacity)
  const sibling = new Int32Array(capacity)
  const token = new Int32Array(capacity).fill(-1)
  /** First node for each first byte; 0 = none (node 0 is not used). */
  const root = new Int32Array(256)
  const opens = new Uint8Array(256)
  let nodes = 1

  const find = (first: number, wanted: number): number => {
    let node = first
    while (node !== 0 && byte[node] !== wanted) node = sibling[node]
    return node
  }
  const add = (value: number, firstSibling: number): number => {
    byte[nodes] = value
    sibling[nodes] = firstSibling
    return nodes++
  }

  for (const id of ids) {
    const start = pieces.starts[id]
    const end = start + pieces.lengths[id]
    if (start === end) continue
    const lead = pieces.bytes[start]
    opens[lead] = 1
    let node = root[lead]
    if (node === 0) node = root[lead] = add(lead, 0)
    for (let i = start + 1; i < end; i++) {
      const value = pieces.bytes[i]
      const known = find(child[node], value)
      node = known !== 0 ? known : (child[node] = add(value, child[node]))
    }
    if (token[node] < 0) token[node] = id
  }

  return {
    opens,
    match(bytes, at, end, markers) {
      let longest = -1
      for (let node = root[bytes[at]]; node !== 0; ) {
        const id = token[node]
        if (id >= 0 && (markers || isMarker[id] === 0)) longest = id
        at++
        node = at < end ? find(child[node], bytes[at]) : 0
      }
      return longest
    },
  }
}
