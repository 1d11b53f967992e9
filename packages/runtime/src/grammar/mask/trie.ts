import { check } from '@g3/backend'
import { NOT_PLAIN } from './plain.js'

/** All pieces by their beginnings, in preorder: the nodes below node n are n + 1 to end[n] - 1. Node 0 is the root. */
export interface Trie {
  readonly byte: Uint8Array
  readonly depth: Uint16Array
  readonly end: Int32Array
  readonly parent: Int32Array
  /** The first token that ends at a node, or -1; `other` of a token is the next one of equal bytes, or -1. */
  readonly token: Int32Array
  readonly other: Int32Array
  /** Most plain characters of the tokens at and below a node; {@link NOT_PLAIN} where one of them is not plain. */
  readonly plain: Uint8Array
  readonly deepest: number
  /** The node that a byte leads to, or -1. */
  child(node: number, byte: number): number
}

/** Total bytes of pieces: beyond all vocabularies of use. */
const MOST_NODES = 1 << 24

/** @param lengths plain characters of each token, read once its bytes are asked for */
export function trie(size: number, bytesOf: (id: number) => Uint8Array | undefined, lengths: Uint8Array): Trie {
  const built = build(size, bytesOf)
  const { count, tokens, other, firstChild, sibling, bytes } = built
  const byte = new Uint8Array(count)
  const depth = new Uint16Array(count)
  const end = new Int32Array(count)
  const parent = new Int32Array(count).fill(-1)
  const token = new Int32Array(count).fill(-1)
  const plain = new Uint8Array(count)
  let deepest = 0
  let next = 0
  // Built nodes whose place is not given yet, and the place above each.
  const waiting = [0]
  const above = [-1]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    const place = next++
    const up = above.pop() ?? -1
    parent[place] = up
    byte[place] = bytes[node]
    depth[place] = up < 0 ? 0 : depth[up] + 1
    if (depth[place] > deepest) deepest = depth[place]
    token[place] = tokens[node]
    for (let id = tokens[node]; id >= 0; id = other[id]) plain[place] = Math.max(plain[place], lengths[id])
    for (let child = firstChild[node]; child >= 0; child = sibling[child]) {
      waiting.push(child)
      above.push(place)
    }
  }
  for (let place = count - 1; place >= 0; place--) {
    if (end[place] === 0) end[place] = place + 1
    const up = parent[place]
    if (up < 0) continue
    if (end[up] < end[place]) end[up] = end[place]
    if (plain[up] < plain[place]) plain[up] = plain[place]
  }
  return {
    byte,
    depth,
    end,
    parent,
    token,
    other,
    plain,
    deepest,
    child(node, wanted) {
      for (let at = node + 1; at < end[node]; at = end[at]) if (byte[at] === wanted) return at
      return -1
    },
  }
}

/** Inserts piece after piece; children are found by a hash of node and byte. */
function build(size: number, bytesOf: (id: number) => Uint8Array | undefined) {
  let capacity = 1 << 12
  let bytes = new Uint8Array(capacity)
  let tokens = new Int32Array(capacity).fill(-1)
  let firstChild = new Int32Array(capacity).fill(-1)
  let sibling = new Int32Array(capacity).fill(-1)
  let up = new Int32Array(capacity)
  let slots = new Int32Array(capacity * 4)
  const other = new Int32Array(size).fill(-1)
  let count = 1

  const slotOf = (parent: number, byte: number): number => {
    const mask = slots.length - 1
    let slot = ((Math.imul(parent, 0x9e3779b1) ^ Math.imul(byte + 1, 0x85ebca6b)) >>> 7) & mask
    while (slots[slot] !== 0 && (up[slots[slot]] !== parent || bytes[slots[slot]] !== byte)) slot = (slot + 1) & mask
    return slot
  }
  const grow = (): void => {
    check(capacity < MOST_NODES, 'grammar/bad-vocabulary', 'the pieces of this vocabulary are too many bytes')
    capacity *= 2
    const wider = (array: Int32Array, fill: number): Int32Array<ArrayBuffer> => {
      const copy = new Int32Array(capacity).fill(fill)
      copy.set(array)
      return copy
    }
    const moreBytes = new Uint8Array(capacity)
    moreBytes.set(bytes)
    bytes = moreBytes
    tokens = wider(tokens, -1)
    firstChild = wider(firstChild, -1)
    sibling = wider(sibling, -1)
    up = wider(up, 0)
    slots = new Int32Array(capacity * 4)
    for (let node = 1; node < count; node++) slots[slotOf(up[node], bytes[node])] = node
  }

  for (let id = 0; id < size; id++) {
    const piece = bytesOf(id)
    if (!piece || piece.length === 0) continue
    check(
      piece.length < 1 << 16,
      'grammar/bad-vocabulary',
      `token ${id} has ${piece.length} bytes; at most 65,535 are supported`,
    )
    let node = 0
    for (const byte of piece) {
      let slot = slotOf(node, byte)
      if (slots[slot] === 0) {
        if (count === capacity) {
          grow()
          slot = slotOf(node, byte)
        }
        bytes[count] = byte
        up[count] = node
        sibling[count] = firstChild[node]
        firstChild[node] = count
        slots[slot] = count++
      }
      node = slots[slot]
    }
    other[id] = tokens[node]
    tokens[node] = id
  }
  return { count, bytes, tokens, other, firstChild, sibling }
}
