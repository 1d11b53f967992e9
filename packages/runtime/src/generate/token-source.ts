import { isG3Error } from '@g3/backend'
import type { Constraint } from '../grammar/constraint.js'
import { applyMask } from '../sampling/masked.js'
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
 * not come, so the tokens are the same. A constraint has accepted each token that is given.
 */
export function tokenSource(
  { sequence, recover }: Engine,
  prompt: Int32Array,
  { sampler, signal, onPrefill, overflow, constraint }: GenerationPlan,
  progress: Progress,
): () => Promise<number> {
  const { ids } = progress
  /** What the sampler looks at, where the model can rank so much. */
  const ranked = sampler.depth <= sequence.rankable ? ranking(sampler.depth) : undefined
  /** [vocab], made once for texts whose sampler looks at all. */
  let logits: Float32Array | undefined
  /** Whether the model holds the text, but for the tokens that came since: one, and those that were forced after it. */
  let isHeld = false
  let since = 0
  /** Tokens that are the only way on. */
  let forced: readonly number[] = []
  const mask = new Uint32Array(constraint?.vocabulary.words ?? 0)

  const pick = async (): Promise<number> => {
    if (constraint) return pickAllowed(constraint)
    if (sampler.greedy) return sequence.pick()
    if (ranked) return sampler.pickRanked(await sequence.top(ranked))
    logits = await sequence.logits(logits)
    return sampler.pick(logits)
  }

  const pickAllowed = async (held: Constraint): Promise<number> => {
    if (sampler.greedy) {
      const likeliest = await sequence.pick()
      if (held.allows(likeliest)) return likeliest
    }
    logits = await sequence.logits(logits)
    held.mask(mask)
    applyMask(logits, mask)
    return sampler.pick(logits)
  }

  const read = async (): Promise<void> => {
    const text = ids.length === 0 ? prompt : joined(prompt, Int32Array.from(ids))
    const cached = await readPrompt(sequence, text, { signal, onProgress: onPrefill }, overflow)
    if (ids.length === 0) progress.cachedTokens = cached
    isHeld = true
    since = 0
  }

  /** Takes what came since into the model: in one pass, where there is room. */
  const goOn = async (): Promise<void> => {
    while (since > 0) {
      if (sequence.remaining === 0) makeRoom(sequence, overflow)
      const count = Math.min(since, sequence.remaining)
      const from = ids.length - since
      if (count === 1) sequence.step(ids[from])
      else await sequence.append(ids.slice(from, from + count), signal ? { signal } : {})
      since -= count
    }
  }

  const given = (id: number): number => {
    since++
    constraint?.accept(id)
    return id
  }

  return async () => {
    if (isHeld && constraint && since < sequence.remaining) {
      if (forced.length === 0) forced = constraint.forced()
      const [id] = forced
      forced = forced.slice(1)
      if (id !== undefined) return given(id)
    }
    for (;;) {
      try {
        if (!isHeld) await read()
        else await goOn()
        return given(await pick())
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
