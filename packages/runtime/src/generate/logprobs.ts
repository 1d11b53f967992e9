import type { TextSequence } from '../model/gemma3.js'
import { ranking } from '../sampling/top-k.js'

export interface LogProbability {
  readonly id: number
  /** Natural logarithm. */
  readonly logprob: number
}

/** How likely a token was, as the model gave it: before biases, penalties, constraints and the temperature. */
export interface TokenLogProbabilities extends LogProbability {
  /** The likeliest tokens, the likeliest first. */
  readonly top: readonly LogProbability[]
}

type Scored = Pick<TextSequence, 'logSum' | 'logits' | 'rankable'>

/** Ranked for a token that is mostly among them. */
const RANKED = 64

/**
 * The log-probabilities of the next token.
 * @param count how many of the likeliest are wanted
 * @returns what tells of the token, once it is known
 */
export async function nextLogProbabilities(
  sequence: Scored,
  count: number,
): Promise<(id: number) => Promise<TokenLogProbabilities>> {
  const ranked = ranking(sequence.rankable || RANKED)
  const sum = await sequence.logSum(ranked)
  const all = Array.from({ length: ranked.size }, (_, n) => ({ id: ranked.ids[n], logprob: ranked.values[n] - sum }))
  return async (id) => {
    const known = all.find((each) => each.id === id)
    const { logprob } = known ?? { logprob: (await sequence.logits())[id] - sum }
    return { id, logprob, top: all.slice(0, count) }
  }
}
