import {
  check,
  G3Error,
  type Backend,
  type Buffer,
  type CacheStore,
  type CacheView,
  type Program,
  type Step,
} from '@g3/backend'
import { sequence, type CachePlan } from '@g3/kv-cache'
import type { Gemma3Config } from '../config.js'
import { finishLogits } from './logits.js'

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
  readonly context: number
  readonly maxRows: number
  /** ids -> h [maxRows, width] */
  readonly body: Program
  /** h, from row `from` on -> logits and picked */
  readonly head: Program
  readonly logits: Buffer
  readonly picked: Buffer
  /** One for each plan. */
  readonly caches: readonly CacheStore[]
  readonly plans: readonly CachePlan[]
}

type MutableStep = { -readonly [Key in keyof Step]: Step[Key] }

export function textSequence(parts: SequenceParts, onDispose: () => void): TextSequence {
  const { backend, config, context, maxRows, body, head, caches } = parts
  const positions = sequence(parts.plans, { context, maxRows })
  // Written anew for each step, so that a token allocates nothing.
  const stepIds = new Int32Array(maxRows)
  const views: CacheView[] = []
  const bodyStep: MutableStep = { rows: 0, ids: stepIds, positions: stepIds, views }
  const headStep = { rows: 1, from: 0 }
  const pickedId = new Float32Array(1)
  /** Row of h that belongs to the last token; −1 when it is none of them. */
  let lastRow = -1
  let busy = false
  let disposed = false

  const checkIdle = (): void => {
    if (disposed) throw new G3Error('model/disposed', 'this sequence was disposed; open another')
    if (busy) throw new G3Error('model/busy', 'this sequence is reading a prompt; wait for that or abort it first')
  }

  /** Runs the body on the first `rows` of `stepIds`. */
  const runBody = (rows: number): void => {
    const placement = positions.append(rows)
    bodyStep.rows = rows
    bodyStep.positions = placement.positions
    for (let i = 0; i < caches.length; i++) views[caches[i].index] = placement.views[i]
    backend.run(body, bodyStep)
    lastRow = rows - 1
  }

  const runHead = (from: number, rows: number): void => {
    headStep.from = from
    headStep.rows = rows
    backend.run(head, headStep)
  }

  const runHeadOnLast = (): void => {
    checkIdle()
    check(lastRow >= 0, 'model/no-logits', 'there are no logits here: append a token first, also after a rewind')
    runHead(lastRow, 1)
  }

  /** Runs the body on all ids, some rows at a time, and `afterStep` after each step. */
  const appendInSteps = async (
    ids: ArrayLike<number>,
    { signal, onProgress }: AppendOptions,
    afterStep: (rows: number) => Promise<void>,
  ): Promise<void> => {
    checkIdle()
    signal?.throwIfAborted()
    checkIds(ids, config.vocab)
    if (ids.length > positions.remaining) throw contextFull(ids.length, positions.length, context)
    busy = true
    try {
      for (let done = 0; done < ids.length;) {
        const rows = Math.min(maxRows, ids.length - done)
        for (let row = 0; row < rows; row++) stepIds[row] = ids[done + row]
        runBody(rows)
        done += rows
        await afterStep(rows)
        onProgress?.(done, ids.length)
        if (done < ids.length) await letOthersRun()
        if (disposed) throw new G3Error('model/disposed', 'the sequence was disposed while it read a prompt')
        if (done < ids.length) signal?.throwIfAborted()
      }
    } finally {
      busy = false
    }
  }

  return {
    get length() {
      return positions.length
    },
    append: (ids, options = {}) =>
      appendInSteps(ids, options, async () => {
        // Waits for the step, so that an abort or a failure stops the next one.
        await backend.read(parts.picked, 1, pickedId)
      }),
    step(id) {
      checkIdle()
      checkId(id, config.vocab)
      if (positions.remaining < 1) throw contextFull(1, positions.length, context)
      stepIds[0] = id
      runBody(1)
    },
    async logits(into = new Float32Array(config.vocab)) {
      check(
        into.length >= config.vocab,
        'model/bad-option',
        () => `${config.vocab} logits do not fit into ${into.length}`,
      )
      runHeadOnLast()
      await backend.read(parts.logits, 1, into)
      finishLogits(into.length === config.vocab ? into : into.subarray(0, config.vocab), config)
      return into
    },
    async pick() {
      runHeadOnLast()
      await backend.read(parts.picked, 1, pickedId)
      return pickedId[0]
    },
    async scores(ids, visit, options = {}) {
      const { vocab } = config
      const held = new Float32Array(parts.logits.rows * vocab)
      await appendInSteps(ids, options, async (rows) => {
        const start = positions.length - rows
        for (let from = 0; from < rows; from += parts.logits.rows) {
          const count = Math.min(parts.logits.rows, rows - from)
          runHead(from, count)
          await backend.read(parts.logits, count, held)
          for (let row = 0; row < count; row++) {
            const logits = held.subarray(row * vocab, (row + 1) * vocab)
            finishLogits(logits, config)
            visit(start + from + row, logits)
          }
        }
      })
    },
    rewind(length) {
      checkIdle()
      if (length === positions.length) return
      positions.rewind(length)
      lastRow = -1
    },
    reset() {
      checkIdle()
      positions.reset()
      lastRow = -1
    },
    [Symbol.dispose]() {
      if (disposed) return
      disposed = true
      onDispose()
    },
  }
}

/** A turn of the event loop, so that a signal can be aborted even where the backend computes on this thread. */
const letOthersRun = (): Promise<void> => new Promise((resolve) => setTimeout(resolve))

function checkIds(ids: ArrayLike<number>, vocab: number): void {
  for (let i = 0; i < ids.length; i++) checkId(ids[i], vocab)
}

function checkId(id: number, vocab: number): void {
  if (!Number.isInteger(id) || id < 0 || id >= vocab) {
    throw new G3Error('model/bad-id', `${id} is no token id; this model has ids from 0 to ${vocab - 1}`)
  }
}

const contextFull = (wanted: number, length: number, context: number): G3Error => {
  const over = wanted - (context - length)
  const message = `${over} of ${wanted} tokens do not fit: ${length} of ${context} positions are in use; shorten the text or load with a larger context`
  return new G3Error('model/context-full', message)
}
