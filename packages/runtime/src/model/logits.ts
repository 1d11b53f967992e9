import type { Gemma3Config } from '../config.js'

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
