import { isG3Error } from '@g3/backend'
import { ranking } from '../sampling/top-k.js'
import type { Progress } from './decode.js'
import type { Engine } from './engines.js'
import { joined } from './ids.js'
import type { GenerationPlan } from './options.js'
import { makeRoom } from './overflow.js'
import { readPrompt } from './read-prompt.js'

/**
 * Gives one token of a text after the other. The caller adds each to `progress.ids` before it asks for the next. Where the
 * hardware is lost, it comes back, the text is read again and goes on: a sampler has drawn nothing for a token that did
 * not come, so the tokens are the same.
 */
export function tokenSource(
  { sequence, recover }: Engine,
  prompt: Int32Array,
  { sampler, signal, onPrefill, overflow }: GenerationPlan,
  progress: Progress,
): () => Promise<number> {
  const { ids } = progress
  /** What the sampler looks at, where the model can rank so much. */
  const ranked = sampler.depth <= sequence.rankable ? ranking(sampler.depth) : undefined
  /** [vocab], made once for texts whose sampler looks at all. */
  let logits: Float32Array | undefined
  /** Whether the model holds the text, but for the last of its tokens. */
  let isHeld = false

  const pick = async (): Promise<number> => {
    if (sampler.greedy) return sequence.pick()
    if (ranked) return sampler.pickRanked(await sequence.top(ranked))
    logits = await sequence.logits(logits)
    return sampler.pick(logits)
  }

  const read = async (): Promise<void> => {
    const text = ids.length === 0 ? prompt : joined(prompt, Int32Array.from(ids))
    const cached = await readPrompt(sequence, text, { signal, onProgress: onPrefill }, overflow)
    if (ids.length === 0) progress.cachedTokens = cached
    isHeld = true
  }

  return async () => {
    for (;;) {
      try {
        if (!isHeld) await read()
        else {
          if (sequence.remaining === 0) makeRoom(sequence, overflow)
          sequence.step(ids[ids.length - 1])
        }
        return await pick()
      } catch (error) {
        if (!isLost(error)) throw error
        isHeld = false
        await recover()
      }
    }
  }
}

/** Whether the hardware went away, and all that was in its memory. */
export const isLost = (error: unknown): boolean => isG3Error(error) && error.code === 'backend/lost'
