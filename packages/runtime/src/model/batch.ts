import { check, G3Error, type Backend } from '@g3/backend'
import type { Gemma3Config } from '../config.js'
import { checkFits, checkHasLast, checkId, checkIdle, HEAD_ROWS, type Lane } from './lane.js'
import { finishLogits } from './logits.js'
import type { Passes } from './passes.js'
import type { TextSequence } from './text-sequence.js'

/**
 * Several sequences that are decoded together: one pass reads the weights once for all of them, and each gets the very
 * bits that it would get alone. A batch holds nothing itself. When a sequence leaves or joins, make another batch.
 */
export interface Batch {
  /** In the order of ids, picks and logits. */
  readonly sequences: readonly TextSequence[]
  /**
   * Reads one token into each sequence. Allocates nothing; returns when the work is enqueued.
   * @param ids [sequences]
   * @throws G3Error before anything changes: `model/batch` for another number of ids, `model/bad-id`,
   * `model/context-full`, `model/busy` and `model/disposed` when any of the sequences is
   */
  step(ids: ArrayLike<number>): void
  /**
   * The likeliest next token of each sequence, the lowest id on ties.
   * @param into [sequences] receives them; a new array by default
   * @throws G3Error `model/no-logits` when any of the sequences has none, `model/bad-option`, `model/busy`,
   * `model/disposed`
   */
  pick(into?: Int32Array): Promise<Int32Array>
  /**
   * The logits [sequences, vocab] after the last token of each sequence; ids that are no tokens get −Infinity.
   * @param into receives them; a new array by default
   * @throws G3Error as {@link pick}
   */
  logits(into?: Float32Array): Promise<Float32Array>
}

/** A sequence and its place. */
export interface Member {
  readonly sequence: TextSequence
  readonly lane: Lane
}

export interface BatchParts {
  readonly backend: Backend
  readonly config: Gemma3Config
  readonly passes: Passes
}

export function batchOf({ backend, config, passes }: BatchParts, members: readonly Member[]): Batch {
  const { vocab } = config
  const lanes = members.map(({ lane }) => lane)
  const picked = new Float32Array(lanes.length)
  /** Lanes whose rows lie together in the outputs of the first of them. */
  const slices = Array.from({ length: Math.ceil(lanes.length / HEAD_ROWS) }, (_, i) => {
    const from = i * HEAD_ROWS
    const { outputs } = lanes[from]
    const rows = Math.min(HEAD_ROWS, lanes.length - from)
    return { from, rows, outputs, picked: picked.subarray(from, from + rows) }
  })

  const checkAllIdle = (): void => {
    for (const { lane, sequence } of members) checkIdle(lane, sequence)
  }

  const setBusy = (busy: boolean): void => {
    for (const lane of lanes) lane.busy = busy
  }

  const runHead = (): void => {
    checkAllIdle()
    for (const lane of lanes) checkHasLast(lane)
    passes.head(lanes)
  }

  return {
    sequences: members.map(({ sequence }) => sequence),
    step(ids) {
      checkAllIdle()
      if (ids.length !== lanes.length) {
        throw new G3Error('model/batch', `${ids.length} ids for the ${lanes.length} sequences of the batch`)
      }
      for (let i = 0; i < lanes.length; i++) {
        checkId(ids[i], vocab)
        checkFits(lanes[i], 1)
      }
      passes.step(lanes, ids)
    },
    async pick(into = new Int32Array(lanes.length)) {
      checkInto(into.length, lanes.length)
      runHead()
      setBusy(true)
      try {
        for (const slice of slices) await backend.read(slice.outputs.picked, slice.rows, slice.picked)
      } finally {
        setBusy(false)
      }
      into.set(picked)
      return into
    },
    async logits(into = new Float32Array(lanes.length * vocab)) {
      checkInto(into.length, lanes.length * vocab)
      runHead()
      setBusy(true)
      try {
        for (const { from, rows, outputs } of slices) {
          await backend.read(outputs.logits, rows, into.subarray(from * vocab, (from + rows) * vocab))
        }
      } finally {
        setBusy(false)
      }
      for (let i = 0; i < lanes.length; i++) finishLogits(into.subarray(i * vocab, (i + 1) * vocab), config)
      return into
    },
  }
}

const checkInto = (length: number, needed: number): void =>
  check(length >= needed, 'model/bad-option', () => `${needed} values do not fit into ${length}`)
