import type { LogitEdits, Program } from '@g3/backend'
import { turn } from '../turn.js'
import { untilAborted } from '../until-aborted.js'
import type { Ranking } from '../sampling/top-k.js'
import { batchOf, type BatchParts } from './batch.js'
import {
  checkFits,
  checkHeld,
  checkId,
  checkIdle,
  checkOwner,
  HEAD_ROWS,
  isForeign,
  resetLane,
  rewindLane,
  startText,
  type Lane,
} from './lane.js'
import { finishLogits, rankable } from './logits.js'
import type { SeenImages } from './images.js'
import { nextToken } from './next-token.js'
import type { Prefixes } from './prefixes.js'
import { rowHeads, type RowForm } from './row-heads.js'
import type { Snapshots } from './snapshot.js'

export interface AppendOptions {
  readonly signal?: AbortSignal
  /** Tokens stored so far, of how many. */
  readonly onProgress?: (done: number, total: number) => void
  /** The caller asks for the next token at once: the last tokens may be read with that, and problems told then. */
  readonly asksNext?: boolean
  /** Layers of the image encoder that are done, of how many, for each image that was not encoded before. */
  readonly onEncode?: ((done: number, total: number) => void) | undefined
}

/**
 * A text in the model's caches. Tokens go in by `append` and `step`, what the model makes of the last one comes out by
 * `logits`, `pick` and `top`.
 */
export interface TextSequence extends Disposable {
  /** Numbers of {@link logits}. */
  readonly vocabulary: number
  /** Tokens that the model sees: those stored, without those that a shift has dropped. */
  readonly length: number
  /** Tokens that fit. */
  readonly context: number
  readonly remaining: number
  /** All tokens of the text, those that a shift has dropped included. A copy. */
  readonly ids: Int32Array
  /**
   * Reads tokens, `maxRows` at a time, and images (`Gemma3.images`), each at a time. Aborted between two steps, it keeps
   * what was stored: `length` tells how much.
   * @throws G3Error `model/context-full`, `model/bad-id`, `model/unknown-image` before anything changes; `model/busy`; the signal's reason
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
  /** The likeliest next token, the lowest id on ties. @throws G3Error `model/no-logits`, `model/bad-logits` */
  pick(): Promise<number>
  /**
   * The next token, drawn where the model runs.
   * @param draw as `packDraw` writes it, of at most {@link rankable} tokens
   * @param edits what becomes of the logits before, with room for {@link MOST_CHANGES}; where {@link takesEdits}
   * @throws G3Error as {@link pick}; `model/bad-option` where nothing can be ranked, or edited
   */
  draw(draw: Int32Array, edits?: LogitEdits | undefined): Promise<number>
  /** Whether logits can be edited where the model runs. Elsewhere they are near enough to be read: {@link logits}. */
  readonly takesEdits: boolean
  /** Whether it pays to {@link follow}. */
  readonly runsAhead: boolean
  /**
   * Reads the token that `pick` or `draw` gave last, which may be on its way still, and picks or draws the one after it.
   * So the hardware never waits for whoever looks at a token. Taken back by `rewind(length - 1)`, once all have come.
   * @param draw default: the likeliest
   * @throws G3Error `model/no-logits` where no token was asked for, `model/context-full`, `model/busy` while two are on
   * their way, `model/bad-option` where the backend does not run ahead; as {@link pick}
   */
  follow(draw?: Int32Array): Promise<number>
  /** Most tokens that {@link top} ranks; 0 for a model that caps its logits, which makes some of them equal. */
  readonly rankable: number
  /**
   * What makes log-probabilities of logits: the logarithm of the sum of exp(logit) over all tokens.
   * @param into receives the likeliest, as by {@link top}
   */
  logSum(into: Ranking): Promise<number>
  /**
   * The likeliest next tokens and their logits, the lowest id first on ties: those of {@link logits} to the bit,
   * without moving them all.
   * @param into receives as many as it has room for, at most {@link rankable}; fewer where no more are above −Infinity
   * @throws G3Error `model/no-logits`, `model/bad-option`
   */
  top(into: Ranking): Promise<Ranking>
  /** Most tokens that {@link stepRows} takes. */
  readonly mostRows: number
  /** Values that {@link stepRows} gives for each token. */
  rowColumns(form: RowForm): number
  /**
   * Reads some tokens in one pass and tells what the head makes of each, as if they had been read one by one: for
   * guesses, of which those that are wrong are rewound.
   * @param form `picked`: the likeliest next id and its logit; `drawn`: the id that the row's draw takes; `ranked`: the
   * likeliest ids, then their logits, as many as {@link rankable}; `logits`: all
   * @param into receives them, [ids, rowColumns(form)]
   * @param draws [ids, DRAW_WORDS] as `packDraw` writes them, for `drawn`
   * @throws G3Error as {@link append}; `model/bad-option`
   */
  stepRows(ids: Int32Array, form: RowForm, into: Float32Array, draws?: Int32Array): Promise<void>
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
  /**
   * Another sequence of the same text, which goes its own way from here. They share what they have in the caches; who
   * writes into a shared page of 128 positions gets a copy of it first.
   * @throws G3Error `model/busy` while as many sequences are open as the model has room for
   */
  fork(): TextSequence
  /** How many of `ids` this text begins with; none where it was read under other adapters. */
  shared(ids: Int32Array): number
  /**
   * Becomes the longest beginning of `ids` that the model holds under the adapters in use, be it of this text or of a checkpoint,
   * without computing anything. What is given up here is kept as a checkpoint if it is long.
   */
  reuse(ids: Int32Array): Reuse
  /** Leaves a checkpoint of the text as it is now, for {@link reuse}: by this sequence or any other of the model. */
  keep(): void
  /**
   * Drops the oldest tokens after the first `keep`, so that others fit. What stays moves up: its keys are rotated to
   * their new positions, in each layer by its own base. Values and keys still come from a time when the dropped tokens
   * were seen; and local layers no longer see across the cut.
   * @param keep,drop tokens, whole pages of 128
   * @returns how many were dropped: images are not cut, so it may be more
   * @throws G3Error `kv-cache/shift`
   */
  shift(keep: number, drop: number): number
  /**
   * The text and its caches as bytes, for {@link restore} here or in another process. It is the text as it is when the
   * first bytes are asked for, and may go on meanwhile.
   */
  save(): AsyncIterable<Uint8Array>
  /**
   * Becomes a text that was saved, to the bit.
   * @throws G3Error `kv-cache/snapshot-foreign` for another model, other adapters or other caches, `kv-cache/snapshot-corrupt`,
   * `kv-cache/snapshot-truncated`, `kv-cache/snapshot-version`, `kv-cache/full` for a text that does not fit,
   * `kv-cache/out-of-pages`, `model/busy`; what the stream throws. The sequence is as it was then.
   */
  restore(bytes: AsyncIterable<Uint8Array>): Promise<void>
}

export interface Reuse {
  /** Tokens that the sequence holds now. */
  readonly reused: number
  /** How many of the ids other texts of the model share: where they part, a checkpoint will be of use. */
  readonly branch: number
}

/** What a sequence runs on. */
export interface SequenceParts extends BatchParts {
  /** Rows of one sequence in the largest step. */
  readonly maxRows: number
  readonly prefixes: Prefixes
  readonly snapshots: Snapshots
  /** Where the model has an image encoder. */
  readonly images: SeenImages | undefined
  /** Drops tokens of a lane, see {@link TextSequence.shift}. */
  shift(lane: Lane, keep: number, drop: number): number
  /** Opens a sequence of the text in a lane. */
  open(from: Lane): TextSequence
}

/** The sequence of the text in a free lane. */
export function textSequence(parts: SequenceParts, lane: Lane): TextSequence {
  const { backend, config, maxRows, passes, images } = parts
  const { vocab } = config
  const { outputs } = lane
  const waited = new Float32Array(outputs.picked.buffer.cols)

  const readStep = (step: Int32Array, image: Program | undefined): void =>
    image === undefined ? passes.read(lane, step) : passes.see(lane, step, image)

  /** One image, or tokens up to the next one. */
  const nextStep = (ids: Int32Array, imageRows: number): Int32Array => {
    if (ids[0] < 0) return ids.subarray(0, imageRows)
    const image = ids.findIndex((id) => id < 0)
    return ids.subarray(0, Math.min(maxRows, image < 0 ? ids.length : image))
  }

  /** Runs the body on all ids, some rows at a time, and `afterStep` after each step. */
  const appendInSteps = async (
    ids: ArrayLike<number>,
    { signal, onProgress, onEncode }: AppendOptions,
    afterStep: (step: Int32Array, image: Program | undefined) => Promise<void>,
  ): Promise<void> => {
    checkIdle(lane, self)
    signal?.throwIfAborted()
    checkFits(lane, ids.length)
    const checked = Int32Array.from(ids)
    for (let i = 0; i < ids.length; i++) if (ids[i] >= 0 || images === undefined) checkId(ids[i], vocab)
    images?.checkIds(checked)
    lane.busy = true
    try {
      for (let done = 0; done < checked.length;) {
        const step = nextStep(checked.subarray(done), images?.tokens ?? 0)
        const image = step[0] < 0 ? await images?.begin(step, { signal, onProgress: onEncode }) : undefined
        checkOwner(lane, self)
        checkHeld(lane)
        readStep(step, image)
        done += step.length
        await afterStep(step, image)
        onProgress?.(done, checked.length)
        // A turn of the event loop, so that a signal can be aborted even where the backend computes on this thread.
        if (done < checked.length) await turn()
        checkOwner(lane, self)
        checkHeld(lane)
        if (done < checked.length) signal?.throwIfAborted()
      }
    } finally {
      lane.busy = false
    }
  }

  const self: TextSequence = {
    ...nextToken(parts, lane, () => self),
    ...rowHeads(parts, lane, () => self),
    vocabulary: vocab,
    get length() {
      checkOwner(lane, self)
      return lane.positions.length
    },
    get context() {
      return lane.positions.context
    },
    get remaining() {
      checkOwner(lane, self)
      return lane.positions.remaining
    },
    get ids() {
      checkOwner(lane, self)
      return lane.tokens.view().slice()
    },
    append: (ids, options = {}) =>
      appendInSteps(ids, options, async () => {
        // Waits for the step, so that a failure stops the next one. Who aborts need not wait: what comes next is queued behind it.
        await untilAborted(backend.read(outputs.picked.buffer, 1, waited), options.signal)
      }),
    step(id) {
      one[0] = id
      alone.step(one)
    },
    logits: (into) => alone.logits(into),
    rankable: rankable(config),
    async top(into) {
      await alone.top([into])
      return into
    },
    async scores(ids, visit, options = {}) {
      const held = new Float32Array(HEAD_ROWS * vocab)
      await appendInSteps(ids, options, async (step, image) => {
        const start = lane.positions.length - step.length
        let first = 0
        for (let from = 0; from < step.length; from += HEAD_ROWS) {
          const count = Math.min(HEAD_ROWS, step.length - from)
          if (!passes.isLatest(lane)) {
            // Another sequence has used h since: the rest of this step is read again.
            first = image === undefined ? from : 0
            rewindLane(lane, start + first)
            readStep(step.subarray(first), image)
          }
          passes.headOf(outputs.logits, from - first, count)
          await backend.read(outputs.logits.buffer, count, held)
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
      rewindLane(lane, length)
    },
    reset() {
      startText(lane, self)
      resetLane(lane)
    },
    fork() {
      checkIdle(lane, self)
      return parts.open(lane)
    },
    shared: (ids) => (isForeign(lane) ? 0 : lane.tokens.shared(ids)),
    reuse(ids) {
      startText(lane, self)
      return parts.prefixes.reuse(lane, ids)
    },
    keep() {
      checkIdle(lane, self)
      parts.prefixes.keep(lane)
    },
    shift(keep, drop) {
      checkIdle(lane, self)
      return parts.shift(lane, keep, drop)
    },
    save() {
      checkIdle(lane, self)
      return parts.snapshots.save(lane)
    },
    async restore(bytes) {
      startText(lane, self)
      lane.busy = true
      try {
        await parts.snapshots.restore(lane, bytes)
      } finally {
        lane.busy = false
      }
    },
    [Symbol.dispose]() {
      if (lane.owner !== self) return
      lane.owner = undefined
      resetLane(lane)
    },
  }

  // Decoded one by one, a sequence is a batch by itself.
  const alone = batchOf(parts, [{ sequence: self, lane }])
  const one = [0]

  lane.owner = self
  return self
}
