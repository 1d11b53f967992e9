import { check } from '@g3/backend'
import type { TextSequence } from '../model/gemma3.js'
import type { OverflowPlan } from './options.js'
import { checkCanShift, makeRoom, type Shiftable } from './overflow.js'

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((done: number, total: number) => void) | undefined
  readonly onEncode?: ((done: number, total: number) => void) | undefined
}

/** The part of a sequence that reads prompts. */
export type Readable = Shiftable & Pick<TextSequence, 'append' | 'reuse' | 'keep' | 'remaining'>

const REFUSE: OverflowPlan = { policy: 'error', keep: 0, onOverflow: undefined }

/**
 * Brings the sequence to exactly `ids` and returns how many of them the model held already: in this sequence, or in a
 * checkpoint of this or another. The last id always runs, since the logits come from it. After an abort the sequence
 * holds a part of `ids`, and the next call builds on that.
 *
 * Checkpoints are left where texts are likely to part: where this one leaves what others share with it, and at its end,
 * where the answer begins.
 * @throws G3Error `generate/empty-prompt`, `generate/prompt-too-long` before anything changes
 */
export async function readPrompt(
  sequence: Readable,
  ids: Int32Array,
  { signal, onProgress, onEncode }: ReadOptions = {},
  overflow = REFUSE,
): Promise<number> {
  const { context } = sequence
  check(ids.length > 0, 'generate/empty-prompt', 'the prompt has no tokens: give some text')
  check(
    ids.length <= context || overflow.policy === 'shift',
    'generate/prompt-too-long',
    () =>
      `${ids.length - context} of the prompt's ${ids.length} tokens do not fit into a context of ${context}: ` +
      "shorten it, load with a larger context, or choose overflow 'shift'",
  )
  checkCanShift(context, overflow)

  const { reused, branch } = sequence.reuse(ids.subarray(0, -1))
  let done = reused
  const readUpTo = async (end: number): Promise<void> => {
    while (done < end) {
      let stop = betweenImages(ids, Math.min(end, done + sequence.remaining))
      if (stop <= done) {
        makeRoom(sequence, overflow)
        stop = betweenImages(ids, Math.min(end, done + sequence.remaining))
      }
      const part = ids.subarray(done, stop)
      const from = done
      await sequence.append(part, {
        ...(signal && { signal }),
        asksNext: stop === ids.length,
        onEncode,
        ...(onProgress && { onProgress: (count: number) => onProgress(from + count, ids.length) }),
      })
      done += part.length
    }
  }
  if (branch > reused) {
    await readUpTo(betweenImages(ids, branch))
    sequence.keep()
  }
  await readUpTo(ids.length)
  sequence.keep()
  return reused
}

/** The last place up to `end` that cuts no image, whose ids are negative. */
function betweenImages(ids: Int32Array, end: number): number {
  let place = end
  while (place > 0 && ids[place - 1] < 0 && ids[place] < 0) place--
  return place
}
