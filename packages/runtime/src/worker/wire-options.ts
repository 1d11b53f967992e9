import { parseGenerateOptions, type GenerateOptions } from '../generate/options.js'
import type { CallOptions } from './asking.js'
import type { GenerateEvent, WireGenerate } from './calls.js'
import { plainText, type ConstraintText } from './constraint-text.js'

/** `GenerateOptions`, with a constraint as what it is compiled from: its functions cannot cross. */
export interface WorkerGenerateOptions extends Omit<GenerateOptions, 'constraint'> {
  readonly constraint?: ConstraintText
}

interface Told {
  readonly onPrefill?: GenerateOptions['onPrefill'] | undefined
  readonly onEncode?: GenerateOptions['onEncode'] | undefined
  readonly onOverflow?: GenerateOptions['onOverflow'] | undefined
}

/** Calls what the caller gave. */
export const teller =
  ({ onPrefill, onEncode, onOverflow }: Told) =>
  (event: GenerateEvent): void => {
    switch (event.kind) {
      case 'prefill':
        return onPrefill?.(event.done, event.total)
      case 'encode':
        return onEncode?.(event.done, event.total)
      case 'overflow':
        return onOverflow?.(event.overflow)
      default:
        return event satisfies never
    }
  }

/**
 * What of the options crosses, and what stays with the call.
 * @throws G3Error `generate/bad-option`, `sampling/bad-option`, and `grammar/bad-schema` where a schema cannot convert itself
 */
export function split(options: WorkerGenerateOptions): {
  readonly wire: WireGenerate
  readonly call: CallOptions<GenerateEvent>
} {
  const { signal, onPrefill, onEncode, onOverflow, constraint, ...plain } = options
  // For its errors, which the caller is to have at once.
  parseGenerateOptions(plain, [])
  return {
    wire: { ...plain, ...(constraint && { constraint: plainText(constraint) }) },
    call: { signal, onEvent: teller({ onPrefill, onEncode, onOverflow }) },
  }
}
