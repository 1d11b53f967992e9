import { check } from '@g3/backend'
import type { AppendOptions, TextSequence } from '../model/text-sequence.js'
import { logSumExp } from '../model/logits.js'
import { ranking, topK } from '../sampling/top-k.js'
import type { TokenLogProbabilities } from './logprobs.js'

/**
 * Reads a prompt from its beginning and tells of each token how likely it was after those before it. What the sequence held
 * is given up: of tokens that are in the caches already, nobody knows any more how likely they were.
 * @param count how many of the likeliest are wanted beside each
 * @returns [ids] undefined for the first, and for images
 * @throws G3Error `generate/empty-prompt`, `generate/prompt-too-long` before anything changes; as {@link TextSequence.append}
 */
export async function readScoredPrompt(
  sequence: Pick<TextSequence, 'reset' | 'scores' | 'keep' | 'context'>,
  ids: Int32Array,
  count: number,
  options: AppendOptions,
): Promise<readonly (TokenLogProbabilities | undefined)[]> {
  check(ids.length > 0, 'generate/empty-prompt', 'the prompt has no tokens: give some text')
  check(
    ids.length <= sequence.context,
    'generate/prompt-too-long',
    () =>
      `${ids.length - sequence.context} of the prompt's ${ids.length} tokens do not fit into a context of ` +
      `${sequence.context}, and log-probabilities need all of them: shorten it, or load with a larger context`,
  )
  const found: (TokenLogProbabilities | undefined)[] = [undefined]
  const ranked = ranking(Math.max(1, count))
  sequence.reset()
  await sequence.scores(
    ids,
    (position, logits) => {
      const id = ids[position + 1]
      if (id === undefined) return
      if (id < 0) {
        found.push(undefined)
        return
      }
      topK(logits, ranked.ids.length, ranked)
      const sum = logSumExp(logits)
      const top = Array.from({ length: Math.min(count, ranked.size) }, (_, n) => ({
        id: ranked.ids[n],
        logprob: ranked.values[n] - sum,
      }))
      found.push({ id, logprob: logits[id] - sum, top })
    },
    options,
  )
  sequence.keep()
  return found
}
