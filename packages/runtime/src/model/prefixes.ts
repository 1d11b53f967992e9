import { prefixTree, type Pool } from '@g3/kv-cache'
import { isForeign, replaceText, rewindLane, type Lane } from './lane.js'
import { setKeys } from './set-keys.js'
import type { Reuse } from './text-sequence.js'

/** The texts that a model has read and can go on from: in its lanes, and as checkpoints. */
export interface Prefixes {
  /** See {@link TextSequence.reuse}. */
  reuse(lane: Lane, ids: Int32Array): Reuse
  /** See {@link TextSequence.keep}. */
  keep(lane: Lane): void
  /** Gives all checkpoints up. */
  clear(): void
}

/** Tokens that are read again sooner than a checkpoint is worth its pages. */
const LEAST_KEPT = 64

export function prefixes(pool: Pool, checkpoints: number): Prefixes {
  const tree = prefixTree(pool, { checkpoints })
  const keysOf = setKeys(tree.clear)

  const self: Prefixes = {
    reuse(lane, ids) {
      const { shared: branch, length, start } = tree.find(keysOf(lane.adapters.name, ids))
      const own = ownLength(lane, ids)
      // Taken before the lane's own text is kept, for which this checkpoint may have to go.
      const found = length > own ? start() : undefined
      if (lane.tokens.length - own >= LEAST_KEPT) self.keep(lane)
      if (found) replaceText(lane, found, ids.subarray(0, length))
      else rewindLane(lane, own)
      return { reused: lane.tokens.length, branch }
    },
    keep(lane) {
      const { positions, tokens, madeWith } = lane
      // What a shift has left is not what these tokens alone would give.
      if (!positions.wasShifted && positions.length >= LEAST_KEPT) tree.keep(positions, keysOf(madeWith, tokens.view()))
    },
    clear: tree.clear,
  }
  return self
}

/** Positions of the lane that hold a beginning of `ids`, where it can go on. */
function ownLength(lane: Lane, ids: Int32Array): number {
  if (isForeign(lane)) return 0
  const { positions, dropped, kept } = lane
  const shared = lane.tokens.shared(ids)
  // Of the dropped tokens none is held; a text that parts from this one there goes back to what was kept.
  const length = dropped === 0 ? shared : shared >= kept + dropped ? shared - dropped : Math.min(shared, kept)
  return positions.canRewind(length) ? length : 0
}
