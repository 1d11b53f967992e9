import { check, G3Error, isG3Error, PAGE } from '@g3/backend'
import type { TextSequence } from '../model/gemma3.js'
import type { OverflowPlan } from './options.js'

/** The part of a sequence that overflow is about. */
export type Shiftable = Pick<TextSequence, 'length' | 'context' | 'shift'>

/**
 * Makes room for one token at least, as the plan has it, and says so.
 * @returns false when the text ends here
 * @throws G3Error `generate/context-full`
 */
export function makeRoom(sequence: Shiftable, { policy, keep, onOverflow }: OverflowPlan): boolean {
  const { length, context } = sequence
  switch (policy) {
    case 'error':
      throw new G3Error(
        'generate/context-full',
        `the text does not fit: all ${context} tokens of the context are in use and 1 more is to come; ` +
          "load with a larger context, or choose overflow 'shift' or 'stop'",
      )
    case 'stop':
      onOverflow?.({ policy, dropped: 0, kept: length, length })
      return false
    case 'shift': {
      const dropped = sequence.shift(keep, olderHalf(length, keep))
      onOverflow?.({ policy, dropped, kept: keep, length: sequence.length })
      return true
    }
    default:
      return policy satisfies never
  }
}

/** Whether {@link makeRoom} refused: the sequence is as it was. */
export const isContextFull = (error: unknown): boolean => isG3Error(error) && error.code === 'generate/context-full'

/** Whole pages of what comes after the kept part; at least one, so that there is room then. */
const olderHalf = (length: number, keep: number): number =>
  Math.max(PAGE, Math.floor((length - keep) / 2 / PAGE) * PAGE)

/** @throws G3Error `generate/bad-option` where nothing could ever be dropped */
export function checkCanShift(context: number, { policy, keep }: OverflowPlan): void {
  const held = policy !== 'shift' || keep + 2 * PAGE <= context
  check(
    held,
    'generate/bad-option',
    () =>
      `a context of ${context} tokens has nothing to shift beside the first ${keep}: at least ${keep + 2 * PAGE} are needed`,
  )
}
