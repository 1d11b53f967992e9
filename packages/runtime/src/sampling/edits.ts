import { CHANGE, type LogitEdits } from '@g3/backend'
import { dry, MOST_DRY } from './dry.js'
import { MOST_EDITS, type Sampling } from './options.js'

/** Ids whose logits change at a token: those of the penalties' window, those with a bias, and those that DRY finds. */
export const MOST_CHANGES = 2 * MOST_EDITS + MOST_DRY

/** Stands for -Infinity, with which GPUs need not compute: nothing that is drawn is so unlikely. */
const LOWEST = -3e38

/** What becomes of logits before they are sampled, besides who may come. */
export interface Editor {
  /** How many of the text's last tokens it looks at. */
  readonly last: number
  /**
   * The changes for a text. Valid until the next call.
   * @param recent its last tokens, at most {@link last}
   * @param vocabulary ids from here on are left out
   */
  edits(recent: ArrayLike<number>, vocabulary: number): Omit<LogitEdits, 'allowed'>
}

/**
 * Bias first, then penalties, then DRY, as llama.cpp has them. Undefined where the options ask for none.
 * @param textOf the text of a token, for DRY's breakers
 * @throws G3Error `sampling/bad-option` as {@link dry}
 * @see https://arxiv.org/abs/1909.05858 for the repetition penalty
 */
export function editor(sampling: Sampling, textOf?: (id: number) => string): Editor | undefined {
  const { repetitionPenalty, frequencyPenalty, presencePenalty, penaltyLast, logitBias } = sampling
  const bias = new Map(Object.entries(logitBias).map(([id, added]) => [Number(id), added]))
  const isPenal = repetitionPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0
  const penalised = isPenal ? penaltyLast : 0
  const repeats = dry(sampling, textOf)
  if (penalised === 0 && bias.size === 0 && repeats === undefined) return undefined

  const ids = new Int32Array(MOST_CHANGES)
  const changes = new Float32Array(CHANGE * MOST_CHANGES)
  const counts = new Int32Array(1)
  const times = new Map<number, number>()
  const none: ReadonlyMap<number, number> = new Map()

  const add = (id: number, vocabulary: number, seen: number, repeat = 0): void => {
    if (id < 0 || id >= vocabulary) return
    const n = counts[0]++
    ids[n] = id
    changes[CHANGE * n] = Math.max(bias.get(id) ?? 0, LOWEST)
    changes[CHANGE * n + 1] = seen > 0 ? 1 / repetitionPenalty : 1
    changes[CHANGE * n + 2] = seen > 0 ? repetitionPenalty : 1
    changes[CHANGE * n + 3] = -((seen > 0 ? seen * frequencyPenalty + presencePenalty : 0) + repeat)
  }

  return {
    last: Math.max(penalised, repeats?.last ?? 0),
    edits(recent, vocabulary) {
      times.clear()
      const found = repeats?.penalties(recent) ?? none
      for (let i = Math.max(0, recent.length - penalised); i < recent.length; i++)
        times.set(recent[i], (times.get(recent[i]) ?? 0) + 1)
      counts[0] = 0
      for (const [id, seen] of times) add(id, vocabulary, seen, found.get(id))
      for (const id of bias.keys()) if (!times.has(id)) add(id, vocabulary, 0, found.get(id))
      for (const [id, repeat] of found) if (!times.has(id) && !bias.has(id)) add(id, vocabulary, 0, repeat)
      return { counts, ids, changes }
    },
  }
}
