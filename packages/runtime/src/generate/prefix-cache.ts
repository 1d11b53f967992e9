import { check, isG3Error } from '@g3/backend'
import type { TextSequence } from '../model/gemma3.js'

/** Which ids the sequence's cache holds, so that a prompt that begins alike need not be read again. */
export interface PrefixCache {
  /**
   * Brings the sequence to exactly `ids` and returns how many of them its cache held already. The last id always runs,
   * since the logits come from it. After an abort the sequence holds a part of `ids`, and the next call builds on that.
   * @throws G3Error `generate/empty-prompt`, `generate/prompt-too-long` before anything changes
   */
  read(ids: Int32Array, options: ReadOptions): Promise<number>
  /** Ids that {@link read} would have to read, and ids that are held and would be lost. */
  unshared(ids: Int32Array): number
  /** Appends one id. */
  step(id: number): void
  /** Forgets all; for when a backend failed and nobody knows what its cache holds. */
  clear(): void
}

export interface ReadOptions {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** The part of a sequence that changes its cache. */
export type Appendable = Pick<TextSequence, 'length' | 'append' | 'step' | 'rewind' | 'reset'>

/** Goes back to `length`, or to the start where the windowed layers no longer hold what they would need. */
function rewind(sequence: Appendable, length: number): void {
  try {
    sequence.rewind(length)
  } catch (error) {
    if (!isG3Error(error) || error.code !== 'kv-cache/rewound-past-window') throw error
    sequence.reset()
  }
}

/** @param context most ids that the sequence holds */
export function prefixCache(sequence: Appendable, context: number): PrefixCache {
  /** ids[0 .. sequence.length) are what the cache holds; the rest is stale. */
  const held = new Int32Array(context)

  const commonLength = (ids: Int32Array): number => {
    const most = Math.min(sequence.length, ids.length - 1)
    let length = 0
    while (length < most && held[length] === ids[length]) length++
    return length
  }

  return {
    async read(ids, { signal, onProgress }) {
      check(ids.length > 0, 'generate/empty-prompt', 'the prompt has no tokens: give some text')
      check(
        ids.length <= context,
        'generate/prompt-too-long',
        () =>
          `the prompt has ${ids.length} tokens and the context holds ${context}: shorten it, or load with a larger context`,
      )
      const common = commonLength(ids)
      if (common < sequence.length) rewind(sequence, common)
      const cached = sequence.length
      held.set(ids.subarray(cached), cached)
      await sequence.append(ids.subarray(cached), {
        ...(signal && { signal }),
        ...(onProgress && { onProgress: (done: number) => onProgress(cached + done, ids.length) }),
      })
      return cached
    },
    unshared: (ids) => ids.length + sequence.length - 2 * commonLength(ids),
    step(id) {
      held[sequence.length] = id
      sequence.step(id)
    },
    clear: () => sequence.reset(),
  }
}
