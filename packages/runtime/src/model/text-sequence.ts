import { check, type Backend } from '@g3/backend'
import type { Gemma3Config } from '../config.js'
import { turn } from '../turn.js'
import { checkFits, checkHasLast, checkId, checkIdle, checkOwner, HEAD_ROWS, type Lane } from './lane.js'
import { finishLogits } from './logits.js'
import type { Passes } from './passes.js'

export interface AppendOptions {
  readonly signal?: AbortSignal
  /** Tokens stored so far, of how many. */
  readonly onProgress?: (done: number, total: number) => void
}

/**
 * A text in the model's caches. Tokens go in by `append` and `step`, what the model makes of the last one comes out by
 * `logits` and `pick`.
 */
export interface TextSequence extends Disposable {
  /** Tokens stored. */
  readonly length: number
  /**
   * Reads tokens, `maxRows` at a time. Aborted between two steps, it keeps what was stored: `length` tells how much.
   * @throws G3Error `model/context-full`, `model/bad-id` before anything changes; `model/busy`; the signal's reason
   */
  append(ids: ArrayLike<number>, options?: AppendOptions): Promise<void>
  /**
   * Reads one token. Allocates nothing; returns when the work is enqueued.
   * @throws G3Error as {@link append}
   */
  step(id: number): void
  /**
   * The logits [vocab] after the last token; ids that are no tokens get −Infinity.
   * @param into receives them, at least [vocab]; a new array by default
   * @throws G3Error `model/no-logits` before the first token and after a rewind, until the next token;
   * `model/bad-option`
   */
  logits(into?: Float32Array): Promise<Float32Array>
  /** The likeliest next token, the lowest id on ties. @throws G3Error `model/no-logits` */
  pick(): Promise<number>
  /**
   * Appends tokens and visits the logits [vocab] after each. They are valid during the visit only.
   * @param visit gets the position of the token that the logits follow
   * @throws G3Error as {@link append}
   */
  scores(
    ids: ArrayLike<number>,
    visit: (position: number, logits: Float32Array) => void,
    options?: AppendOptions,
  ): Promise<void>
  /**
   * Back to an earlier length, as if the rest had never been read.
   * @throws G3Error `kv-cache/rewound-past-window` when the local layers no longer hold what the next token would see
   * (then   {@link reset} and append again), `kv-cache/length`
   */
  rewind(length: number): void
  /** Back to no tokens. */
  reset(): void
}

/** What a sequence runs on. */
export interface SequenceParts {
  readonly backend: Backend
  readonly config: Gemma3Config
  /** Rows of one sequence in the largest step. */
  readonly maxRows: number
  readonly passes: Passes
}

/** Opens a sequence of no tokens in a free lane. */
export function textSequence({ backend, config, maxRows, passes }: SequenceParts, lane: Lane): TextSequence {
  const { vocab } = config
  const { positions, outputs } = lane
  // For each step the same, so that a token allocates nothing.
  const alone = [lane]
  const stepIds = new Int32Array(1)
  const pickedId = new Float32Array(1)

  const runHead = (): void => {
    checkIdle(lane, self)
    checkHasLast(lane)
    passes.head(alone)
  }

  /** Runs the body on all ids, some rows at a time, and `afterStep` after each step. */
  const appendInSteps = async (
    ids: ArrayLike<number>,
    { signal, onProgress }: AppendOptions,
    afterStep: (done: number, rows: number) => Promise<void>,
  ): Promise<void> => {
    checkIdle(lane, self)
    signal?.throwIfAborted()
    for (let i = 0; i < ids.length; i++) checkId(ids[i], vocab)
    checkFits(lane, ids.length)
    lane.busy = true
    try {
      for (let done = 0; done < ids.length;) {
        const rows = Math.min(maxRows, ids.length - done)
        passes.read(lane, ids, done, rows)
        done += rows
        await afterStep(done, rows)
        onProgress?.(done, ids.length)
        // A turn of the event loop, so that a signal can be aborted even where the backend computes on this thread.
        if (done < ids.length) await turn()
        checkOwner(lane, self)
        if (done < ids.length) signal?.throwIfAborted()
      }
    } finally {
      lane.busy = false
    }
  }

  const self: TextSequence = {
    get length() {
      checkOwner(lane, self)
      return positions.length
    },
    append: (ids, options = {}) =>
      appendInSteps(ids, options, async () => {
        // Waits for the step, so that an abort or a failure stops the next one.
        await backend.read(outputs.picked, 1, pickedId)
      }),
    step(id) {
      checkIdle(lane, self)
      checkId(id, vocab)
      checkFits(lane, 1)
      stepIds[0] = id
      passes.step(alone, stepIds)
    },
    async logits(into = new Float32Array(vocab)) {
      check(into.length >= vocab, 'model/bad-option', () => `${vocab} logits do not fit into ${into.length}`)
      runHead()
      lane.busy = true
      try {
        await backend.read(outputs.logits, 1, into)
      } finally {
        lane.busy = false
      }
      finishLogits(into.length === vocab ? into : into.subarray(0, vocab), config)
      return into
    },
    async pick() {
      runHead()
      lane.busy = true
      try {
        await backend.read(outputs.picked, 1, pickedId)
      } finally {
        lane.busy = false
      }
      return pickedId[0]
    },
    async scores(ids, visit, options = {}) {
      const held = new Float32Array(HEAD_ROWS * vocab)
      await appendInSteps(ids, options, async (done, rows) => {
        const start = positions.length - rows
        let first = 0
        for (let from = 0; from < rows; from += HEAD_ROWS) {
          const count = Math.min(HEAD_ROWS, rows - from)
          if (!passes.isLatest(lane)) {
            // Another sequence has used h since: the rest of this step is read again.
            positions.rewind(start + from)
            passes.read(lane, ids, done - rows + from, rows - from)
            first = from
          }
          passes.headOf(lane, from - first, count)
          await backend.read(outputs.logits, count, held)
          for (let row = 0; row < count; row++) {
            const logits = held.subarray(row * vocab, (row + 1) * vocab)
            finishLogits(logits, config)
            visit(start + from + row, logits)
          }
        }
      })
    },
    rewind(length) {
      checkIdle(lane, self)
      if (length === positions.length) return
      positions.rewind(length)
      lane.lastRow = -1
    },
    reset() {
      checkIdle(lane, self)
      positions.reset()
      lane.lastRow = -1
    },
    [Symbol.dispose]() {
      if (lane.owner === self) lane.owner = undefined
    },
  }

  positions.reset()
  lane.lastRow = -1
  lane.owner = self
  return self
}
