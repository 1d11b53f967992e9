import { check, DRAW_WORDS, G3Error, type Backend } from '@g3/backend'
import type { Gemma3Config } from '../config.js'
import type { Ranking } from '../sampling/top-k.js'
import { checkFits, checkHasLast, checkId, checkIdle, headEnd, type Lane } from './lane.js'
import { checkPicked, checkRankable, finishLogits, finishRanking, rankable } from './logits.js'
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
   * Reads tokens into each sequence, in one pass. Allocates nothing; returns when the work is enqueued.
   * @param ids those of the first sequence, then those of the next
   * @param counts [sequences] how many each reads, at least 1; default: 1. Together at most `Gemma3.passRows`
   * @throws G3Error before anything changes: `model/batch` for another number of ids, `model/bad-id`,
   * `model/context-full`, `model/busy` and `model/disposed` when any of the sequences is
   */
  step(ids: ArrayLike<number>, counts?: ArrayLike<number>): void
  /** Waits for what was enqueued. @throws G3Error `model/busy`, `model/disposed`; what has failed since */
  finish(): Promise<void>
  /**
   * The likeliest next token of each sequence, the lowest id on ties.
   * @param into [sequences] receives them; a new array by default
   * @throws G3Error `model/no-logits` when any of the sequences has none, `model/bad-option`, `model/busy`,
   * `model/disposed`, `model/bad-logits`
   */
  pick(into?: Int32Array): Promise<Int32Array>
  /**
   * The next token of each sequence, drawn where the model runs.
   * @param draws [sequences, DRAW_WORDS] as `packDraw` writes them, with at most {@link TextSequence.rankable} of top-k
   * @param into [sequences] receives them; a new array by default
   * @throws G3Error as {@link pick}
   */
  draw(draws: Int32Array, into?: Int32Array): Promise<Int32Array>
  /**
   * The likeliest next tokens of each sequence, as {@link TextSequence.top}.
   * @param into [sequences] receives them
   * @throws G3Error as {@link pick}
   */
  top(into: readonly Ranking[]): Promise<readonly Ranking[]>
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
  const { picked, drawn, ranked } = lanes[0].outputs
  const pickedRows = new Float32Array(lanes.length * picked.buffer.cols)
  const drawnRows = new Float32Array(lanes.length * drawn.buffer.cols)
  const rankedRows = new Float32Array(lanes.length * ranked.buffer.cols)

  const checkAllIdle = (): void => {
    for (const { lane, sequence } of members) checkIdle(lane, sequence)
  }

  const setBusy = (busy: boolean): void => {
    for (const lane of lanes) lane.busy = busy
  }

  /** Runs one form of the head on all last tokens and reads what it gives, [sequences, cols]. */
  const readHeads = async (
    form: 'logits' | 'picked' | 'drawn' | 'ranked',
    into: Float32Array,
    draws?: Int32Array,
  ): Promise<void> => {
    checkAllIdle()
    for (const lane of lanes) checkHasLast(lane)
    passes.head(lanes, form, draws)
    // What a sequence has asked for by itself may lie there no more.
    if (form === 'picked' || form === 'drawn') for (const lane of lanes) lane.asked = undefined
    setBusy(true)
    try {
      for (let i = 0, end = 0; i < lanes.length; i = end) {
        end = headEnd(lanes, i)
        const { buffer } = lanes[i].outputs[form]
        await backend.read(buffer, end - i, into.subarray(i * buffer.cols, end * buffer.cols))
      }
    } finally {
      setBusy(false)
    }
  }

  return {
    sequences: members.map(({ sequence }) => sequence),
    step(ids, counts) {
      checkAllIdle()
      let rows = 0
      for (let i = 0; i < lanes.length; i++) {
        const count = counts === undefined ? 1 : counts[i]
        check(
          Number.isInteger(count) && count >= 1,
          'model/batch',
          () => `${count} ids for a sequence; each reads at least one`,
        )
        checkFits(lanes[i], count)
        rows += count
      }
      if (ids.length !== rows) {
        throw new G3Error(
          'model/batch',
          `${ids.length} ids for the ${lanes.length} sequences of the batch, which read ${rows}`,
        )
      }
      if (rows > passes.mostRows) {
        throw new G3Error(
          'model/batch',
          `${rows} ids in one pass, which takes ${passes.mostRows}: read some of them before`,
        )
      }
      for (let i = 0; i < rows; i++) checkId(ids[i], vocab)
      passes.step(lanes, ids, counts)
    },
    async finish() {
      checkAllIdle()
      await backend.read(picked.buffer, 1, pickedRows.subarray(0, picked.buffer.cols))
    },
    async pick(into = new Int32Array(lanes.length)) {
      checkInto(into.length, lanes.length)
      await readHeads('picked', pickedRows)
      for (let i = 0; i < lanes.length; i++) into[i] = checkPicked(pickedRows[i * picked.buffer.cols])
      return into
    },
    async draw(draws, into = new Int32Array(lanes.length)) {
      checkInto(into.length, lanes.length)
      checkInto(draws.length, lanes.length * DRAW_WORDS)
      checkRankable(config)
      await readHeads('drawn', drawnRows, draws)
      for (let i = 0; i < lanes.length; i++) into[i] = checkPicked(drawnRows[i])
      return into
    },
    async top(into) {
      checkRankings(into, lanes.length, rankable(config))
      await readHeads('ranked', rankedRows)
      const { cols } = ranked.buffer
      for (let i = 0; i < lanes.length; i++) finishRanking(rankedRows.subarray(i * cols, (i + 1) * cols), into[i])
      return into
    },
    async logits(into = new Float32Array(lanes.length * vocab)) {
      checkInto(into.length, lanes.length * vocab)
      await readHeads('logits', into)
      for (let i = 0; i < lanes.length; i++) finishLogits(into.subarray(i * vocab, (i + 1) * vocab), config)
      return into
    },
  }
}

const checkRankings = (into: readonly Ranking[], count: number, most: number): void =>
  check(
    into.length >= count && into.every(({ ids }) => ids.length <= most),
    'model/bad-option',
    () => `${count} rankings are needed, each of no more than the ${most} tokens that can be ranked here`,
  )

const checkInto = (length: number, needed: number): void =>
  check(length >= needed, 'model/bad-option', () => `${needed} values do not fit into ${length}`)
