import { CHANGE, type LogitEdits } from '@g3/backend'
import type { Constraint } from '../grammar/constraint.js'
import { MOST_CHANGES, type Editor } from '../sampling/edits.js'

/**
 * What becomes of the logits of a text's next token: biases and penalties change them, a constraint forbids ids.
 * Undefined where there is neither.
 * @param vocabulary how many logits there are
 * @param ids what was written after the prompt, as it grows
 */
export function textEdits(
  editor: Editor | undefined,
  constraint: Constraint | undefined,
  vocabulary: number,
  prompt: Int32Array,
  ids: readonly number[],
): (() => LogitEdits) | undefined {
  if (editor === undefined && constraint === undefined) return undefined
  const allowed = constraint && new Uint32Array(Math.ceil(vocabulary / 32))
  return () => {
    if (constraint && allowed) constraint.mask(allowed)
    return {
      ...(editor?.edits(recent(prompt, ids, editor.last), vocabulary) ?? NO_CHANGES),
      ...(allowed && { allowed }),
    }
  }
}

/** The text's last `count` tokens. */
function recent(prompt: Int32Array, ids: readonly number[], count: number): Int32Array {
  const length = Math.min(prompt.length + ids.length, count)
  const ofPrompt = Math.max(0, length - ids.length)
  const all = new Int32Array(length)
  all.set(prompt.subarray(prompt.length - ofPrompt))
  for (let n = ofPrompt, own = ids.length - (length - ofPrompt); n < length; n++, own++) all[n] = ids[own]
  return all
}

/** With room for the changes that there are none of. */
const NO_CHANGES: LogitEdits = {
  counts: new Int32Array(1),
  ids: new Int32Array(MOST_CHANGES),
  changes: new Float32Array(CHANGE * MOST_CHANGES),
}
