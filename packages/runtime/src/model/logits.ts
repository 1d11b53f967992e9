import { check, G3Error, MOST_RANKED } from '@g3/backend'
import type { Gemma3Config } from '../config.js'
import type { Ranking } from '../sampling/top-k.js'

/**
 * Makes raw logits [vocab] those of the model, in place: soft-capped where it has a cap, −Infinity for ids that are no
 * tokens.
 */
export function finishLogits(logits: Float32Array, config: Gemma3Config): void {
  const cap = config.finalSoftcap
  if (cap !== undefined) {
    for (let id = 0; id < logits.length; id++) logits[id] = cap * Math.tanh(logits[id] / cap)
  }
  logits.fill(-Infinity, tokenCount(config))
}

/** Ids that are tokens of text; the rows of the embedding after them are padding and the image's place. */
export const tokenCount = ({ vocab }: Gemma3Config): number => Math.min(vocab, 262_144)

/**
 * Most tokens that the head ranks by itself. None where logits are capped: rounding makes some of those equal, and
 * equals are in the order of their ids.
 */
export const rankable = (config: Gemma3Config): number =>
  config.finalSoftcap === undefined ? Math.min(MOST_RANKED, tokenCount(config)) : 0

/** @throws G3Error `model/bad-option` where the head ranks nothing by itself */
export const checkRankable = (config: Gemma3Config): void =>
  check(rankable(config) > 0, 'model/bad-option', 'this model caps its logits: draw from `logits`, not where it runs')

/**
 * Takes what {@link Ops.top} gave for one row, ids and then logits.
 * @param into receives as many of them as it has room for
 */
export function finishRanking(row: Float32Array, into: Ranking): void {
  const count = row.length / 2
  into.size = 0
  for (let n = 0; n < into.ids.length && row[n] >= 0; n++) {
    into.ids[n] = row[n]
    into.values[n] = row[count + n]
    into.size++
  }
}

/** The id that the head picked. @throws G3Error `model/bad-logits` when no logit was a number */
export function checkPicked(id: number): number {
  if (id >= 0) return id
  throw new G3Error('model/bad-logits', 'no token can be chosen, because no logit is a number; is the file damaged?')
}

/** The logarithm of the sum of exp(logit). */
export function logSumExp(logits: Float32Array): number {
  let largest = -Infinity
  for (let id = 0; id < logits.length; id++) if (logits[id] > largest) largest = logits[id]
  let sum = 0
  for (let id = 0; id < logits.length; id++) sum += Math.exp(logits[id] - largest)
  return largest + Math.log(sum)
}
