import { DRAW_WORDS, editLogits, type LogitEdits } from '@g3/backend'
import { checkPicked, finishRanking, logSumExp } from '../model/logits.js'
import type { RowForm } from '../model/row-heads.js'
import { MOST_CHANGES } from '../sampling/edits.js'
import { ranking, topK } from '../sampling/top-k.js'
import type { Draft } from '../speculate/drafter.js'
import { pace } from '../speculate/pace.js'
import type { Progress } from './decode.js'
import type { Engine } from './engines.js'
import { nextLogProbabilities } from './logprobs.js'
import type { GenerationPlan } from './options.js'

/**
 * Guesses that the model has read ahead of the text, with what its head made of each. A guess holds if it is the token that
 * is drawn there, with the very draw that the token has without guesses: so a text is the same with and without them.
 */
export interface Guesses {
  /** Whether the token after the last one can be told without asking the model. */
  readonly isAhead: boolean
  /** Guesses that the model holds and the text has not reached. */
  readonly left: number
  /** How many tokens to guess, when `room` is left for guesses; 0: none now. */
  wanted(room: number): number
  /** Which of a draft to check; what is not checked is only watched. */
  choose(draft: Draft, ms: number): readonly number[]
  /** Reads the tokens that came since and, after them, guesses. */
  check(since: readonly number[], guesses: readonly number[]): Promise<void>
  /** The token after the last one; undefined where that takes more than the rows have. Nothing is drawn then. */
  next(): Promise<number | undefined>
  /** The text has got a token. @returns whether the model holds it, as a guess */
  take(id: number): boolean
  /** Takes back all guesses that the text has not reached, and `more` of its own tokens. */
  leave(more?: number): void
  /** What was read is gone. */
  lose(): void
  /** A step of one token took so long. */
  stepped(ms: number): void
}

export interface GuessParts {
  readonly sequence: Engine['sequence']
  readonly plan: Pick<GenerationPlan, 'sampler' | 'constraint' | 'logprobs'>
  readonly progress: Progress
  /** Whether guesses are checked even where that does not pay. */
  readonly always: boolean
  /** Whether the model draws by itself. */
  readonly isDrawnThere: boolean
  /** What becomes of the next token's logits. */
  readonly edits: (() => LogitEdits) | undefined
  /** The draw of the token so many after the next. */
  drawOf(after: number): Int32Array
}

interface Checked {
  readonly guesses: readonly number[]
  /** Row of the token before the first guess. */
  readonly first: number
  readonly strength: number
  readonly rows: number
  ms: number
  /** Guesses that came true. */
  came: number
}

export function guesses({ sequence, plan, progress, always, isDrawnThere, edits, drawOf }: GuessParts): Guesses {
  const { sampler, constraint, logprobs } = plan
  const form = rowForm(sequence, plan, isDrawnThere)
  const columns = sequence.rowColumns(form)
  const own = pace(sequence.mostRows - 1, always)
  const ranked = ranking(sequence.rankable)
  let values = new Float32Array(0)
  let checked: Checked | undefined
  let strength = 0
  /** A guess that was not checked. */
  let watched: { readonly id: number; readonly strength: number } | undefined

  const end = (missed: boolean): void => {
    if (checked === undefined) return
    own.learn(checked.strength, checked.came, missed)
    own.stepped(checked.ms, checked.rows, checked.came + 1)
    checked = undefined
  }

  const pick = async (row: Float32Array): Promise<number | undefined> => {
    switch (form) {
      case 'picked': {
        const id = checkPicked(row[0])
        return constraint === undefined || constraint.allows(id) ? id : undefined
      }
      case 'drawn':
        return checkPicked(row[0])
      case 'ranked': {
        finishRanking(row, ranked)
        const allowed = edits?.().allowed
        return allowed === undefined
          ? sampler.pickRanked(ranked)
          : sampler.pickAllowed(ranked, (id) => ((allowed[id >> 5] >>> (id & 31)) & 1) === 1)
      }
      case 'logits': {
        const told =
          logprobs === undefined ? undefined : await nextLogProbabilities(scored(row, sequence.rankable), logprobs)
        // What tells of the token looks at the logits before they are edited.
        const changed = edits && row.slice()
        if (changed && edits) editLogits(changed, edits(), 0, MOST_CHANGES)
        const id = sampler.pick(changed ?? row)
        progress.logprobs = await told?.(id)
        return id
      }
      default:
        return form satisfies never
    }
  }

  return {
    get isAhead() {
      return checked !== undefined
    },
    get left() {
      return checked === undefined ? 0 : checked.guesses.length - checked.came
    },
    wanted: (room) => Math.min(room, own.wanted()),
    choose(draft, ms) {
      own.guessed(ms, draft.ids.length)
      if (draft.ids.length === 0) return draft.ids
      strength = draft.strength
      const count = own.count(strength, draft.ids.length)
      if (count === 0) watched = { id: draft.ids[0], strength }
      return draft.ids.slice(0, count)
    },
    async check(since, added) {
      const ids = Int32Array.of(...since, ...added)
      if (values.length < sequence.mostRows * columns) values = new Float32Array(sequence.mostRows * columns)
      const start = performance.now()
      await sequence.stepRows(
        ids,
        form,
        values,
        form === 'drawn' ? drawsOf(drawOf, since.length, ids.length) : undefined,
      )
      const first = since.length - 1
      checked = { guesses: added, first, strength, rows: ids.length, ms: performance.now() - start, came: 0 }
    },
    async next() {
      if (checked === undefined) return undefined
      const start = performance.now()
      const row = checked.first + checked.came
      const id = await pick(values.subarray(row * columns, (row + 1) * columns))
      checked.ms += performance.now() - start
      return id
    },
    take(id) {
      if (watched) own.learn(watched.strength, Number(watched.id === id), watched.id !== id)
      watched = undefined
      if (checked === undefined) return false
      if (checked.guesses[checked.came] === id) {
        checked.came++
        return true
      }
      this.leave()
      return false
    },
    leave(more = 0) {
      const count = this.left
      // A guess was wrong, unless the text was left for other reasons.
      end(count > 0 && more === 0)
      if (count + more > 0) sequence.rewind(sequence.length - count - more)
    },
    lose() {
      checked = undefined
      watched = undefined
    },
    stepped: (ms) => own.stepped(ms, 1, 1),
  }
}

/** What the rows must tell so that tokens are drawn as they are without guesses. */
function rowForm(
  { rankable }: Engine['sequence'],
  { sampler, constraint, logprobs }: GuessParts['plan'],
  isDrawnThere: boolean,
): RowForm {
  if (logprobs !== undefined || sampler.editor !== undefined) return 'logits'
  if (sampler.greedy) return 'picked'
  if (constraint !== undefined) return rankable > 0 ? 'ranked' : 'logits'
  if (isDrawnThere) return 'drawn'
  return sampler.depth <= rankable ? 'ranked' : 'logits'
}

const scored = (row: Float32Array, rankable: number): Parameters<typeof nextLogProbabilities>[0] => ({
  rankable,
  logits: async () => row,
  async logSum(into) {
    topK(row, into.ids.length, into)
    return logSumExp(row)
  },
})

/** The row of the last token that came draws the next one. */
function drawsOf(drawOf: (after: number) => Int32Array, since: number, rows: number): Int32Array {
  const draws = new Int32Array(DRAW_WORDS * rows)
  for (let row = 0; row < rows; row++) draws.set(drawOf(Math.max(0, row - since + 1)), DRAW_WORDS * row)
  return draws
}
