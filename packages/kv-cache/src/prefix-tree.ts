import { check } from './errors.js'
import type { Pool } from './pool.js'
import type { Sequence } from './sequence.js'
import { checkSize } from './sizes.js'

/** Checkpoints of texts, found by how the texts begin. */
export interface PrefixTree {
  /**
   * Keeps a fork of a sequence, unless there is one of the same keys. When there are too many, the checkpoint goes that
   * was not used for the longest time.
   * @param keys [length of the sequence] one for each position: its token, or for the positions of an image numbers
   *   made from its content, see {@link imageKeys}
   * @throws G3Error `kv-cache/keys` for another number of keys, none, or a text that was shifted: it is not what its
   *   keys alone would give
   */
  keep(sequence: Sequence, keys: Int32Array): void
  /**
   * How a text may begin: as long as some checkpoint can be continued from, going back where it still can. Counts as a
   * use of that checkpoint.
   */
  find(keys: Int32Array): Found
  /** Gives up the checkpoint that was not used for the longest time. Returns false when there is none. */
  evict(): boolean
  clear(): void
  readonly checkpoints: number
}

export interface Found {
  /** How many of the keys some checkpoint begins with. */
  readonly shared: number
  /** How many of them can be continued from, without computing any; 0: none. Never within an image. */
  readonly length: number
  /**
   * A sequence of this length, its caller's own. Before anything is kept or evicted.
   * @throws G3Error `kv-cache/keys` where `length` is 0, `kv-cache/dropped` when the checkpoint has gone
   */
  start(): Sequence
}

interface Node {
  /** Keys from the parent to here. */
  edge: Int32Array
  /** Keys from the root to here. */
  depth: number
  parent: Node | undefined
  readonly children: Map<number, Node>
  checkpoint: Checkpoint | undefined
}

interface Checkpoint {
  readonly sequence: Sequence
  /** Turn in which it was last used. */
  used: number
}

/**
 * A radix tree: a node where a checkpoint is or texts part. When the pool runs out of pages, checkpoints go first.
 * @param options.checkpoints most that are kept
 * @throws G3Error `kv-cache/size`
 */
export function prefixTree(pool: Pool, { checkpoints: most }: { readonly checkpoints: number }): PrefixTree {
  checkSize('checkpoints', most)
  const root = newNode(undefined, new Int32Array(0))
  const kept = new Set<Node>()
  let turn = 0

  const self: PrefixTree = {
    get checkpoints() {
      return kept.size
    },
    keep(sequence, keys) {
      const { length, wasShifted } = sequence
      check(!wasShifted, 'kv-cache/keys', () => 'the text was shifted: others that begin alike cannot go on from it')
      const fits = keys.length === length && length > 0
      check(fits, 'kv-cache/keys', () => `${keys.length} keys for a sequence of ${length} positions`)
      const node = nodeAt(root, keys)
      node.checkpoint ??= { sequence: sequence.fork(), used: 0 }
      node.checkpoint.used = ++turn
      kept.add(node)
      if (kept.size > most) self.evict()
    },
    find(keys) {
      const path = walk(root, keys)
      let best: Checkpoint | undefined
      let length = 0
      for (const node of kept) {
        const { checkpoint } = node
        if (checkpoint === undefined) continue
        const start = startIn(checkpoint.sequence, sharedWith(node, path))
        if (start <= length) continue
        best = checkpoint
        length = start
      }
      if (best !== undefined) best.used = ++turn
      return {
        shared: path.shared,
        length,
        start() {
          check(best !== undefined, 'kv-cache/keys', () => 'no checkpoint begins like these keys')
          const sequence = best.sequence.fork()
          sequence.rewind(length)
          return sequence
        },
      }
    },
    evict() {
      let oldest: Node | undefined
      for (const node of kept) {
        if (oldest === undefined || usedAt(node) < usedAt(oldest)) oldest = node
      }
      if (oldest === undefined) return false
      oldest.checkpoint?.sequence.drop()
      oldest.checkpoint = undefined
      kept.delete(oldest)
      prune(oldest)
      return true
    },
    clear() {
      while (self.evict());
    },
  }
  pool.reclaimWith(() => self.evict())
  return self
}

/**
 * Keys for the positions of an image: never those of a token, and equal where the images are.
 * @param hash of the image's content, at least 16 bytes of a cryptographic hash
 * @param count positions that the image takes, at least 4: together they hold 124 bits of the hash or more
 * @throws G3Error `kv-cache/keys`
 */
export function imageKeys(hash: Uint8Array, count: number): Int32Array {
  check(hash.length >= 16, 'kv-cache/keys', () => `a hash of ${hash.length} bytes is too short to tell images apart`)
  check(Number.isInteger(count) && count >= 4, 'kv-cache/keys', () => `${count} keys cannot tell images apart`)
  const words = Math.floor(hash.length / 4)
  const view = new DataView(hash.buffer, hash.byteOffset, hash.byteLength)
  // Tokens are not negative. The count is in each key, so that an image never begins like a larger form of itself.
  return Int32Array.from({ length: count }, (_, i) => (view.getInt32(4 * (i % words), true) ^ count) | -(2 ** 31))
}

const newNode = (parent: Node | undefined, edge: Int32Array): Node => ({
  edge,
  depth: (parent?.depth ?? 0) + edge.length,
  parent,
  children: new Map(),
  checkpoint: undefined,
})

const usedAt = ({ checkpoint }: Node): number => checkpoint?.used ?? 0

/** How many keys from `at` on the node's edge begins with. */
function sharedEdge({ edge }: Node, keys: Int32Array, at: number): number {
  const most = Math.min(edge.length, keys.length - at)
  let count = 0
  while (count < most && edge[count] === keys[at + count]) count++
  return count
}

/** The way of some keys: the node whose edge it ends in, or at, and how many keys lie on it. */
interface Path {
  readonly node: Node
  readonly shared: number
}

/** Follows keys as far as there is a way. */
function walk(root: Node, keys: Int32Array): Path {
  let node = root
  let shared = 0
  while (shared === node.depth && shared < keys.length) {
    const child = node.children.get(keys[shared])
    if (child === undefined) break
    shared += sharedEdge(child, keys, shared)
    node = child
  }
  return { node, shared }
}

/** How many keys a node's text has in common with the way: up to where both part. */
function sharedWith(node: Node, { node: end, shared }: Path): number {
  let [a, b]: [Node, Node] = [node, end]
  while (a !== b) {
    if (a.depth > b.depth) a = a.parent ?? a
    else b = b.parent ?? b
  }
  return Math.min(a.depth, shared)
}

/** The largest length up to `most` that a text can go back to: not within an image. 0: none. */
function startIn(sequence: Sequence, most: number): number {
  const length = sequence.blocks.find(({ start, end }) => start < most && most < end)?.start ?? most
  return sequence.canRewind(length) ? length : 0
}

/** The node where these keys end; makes it, and splits the edge that they leave. */
function nodeAt(root: Node, keys: Int32Array): Node {
  const { node, shared } = walk(root, keys)
  const branch = shared < node.depth ? split(node, shared) : node
  if (shared === keys.length) return branch
  const leaf = newNode(branch, keys.slice(shared))
  branch.children.set(keys[shared], leaf)
  return leaf
}

/** Puts a node into the edge of another, where the keys are `depth` deep. */
function split(node: Node, depth: number): Node {
  const { parent, edge } = node
  const start = node.depth - edge.length
  const middle = newNode(parent, edge.slice(0, depth - start))
  parent?.children.set(edge[0], middle)
  node.edge = edge.slice(depth - start)
  node.parent = middle
  middle.children.set(node.edge[0], node)
  return middle
}

/** Takes out nodes that lead to no checkpoint, and those where nothing parts any more. */
function prune(from: Node): void {
  let node = from
  while (node.parent && !node.checkpoint && node.children.size === 0) {
    node.parent.children.delete(node.edge[0])
    node = node.parent
  }
  if (!node.parent || node.checkpoint || node.children.size !== 1) return
  const [child] = node.children.values()
  const edge = new Int32Array(node.edge.length + child.edge.length)
  edge.set(node.edge)
  edge.set(child.edge, node.edge.length)
  child.edge = edge
  child.parent = node.parent
  node.parent.children.set(edge[0], child)
}
