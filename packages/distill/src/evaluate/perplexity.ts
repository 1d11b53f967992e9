import { check } from '@g3/backend'
import { logSumExp } from '../log-sum-exp.js'
import { tally, type Estimated } from './intervals.js'
import { checkAny, checkCount, type EvaluateOptions, type Subject } from './subject.js'

export interface PerplexityOptions extends EvaluateOptions {
  /** Tokens that a prediction can see, with itself. Default: 2048, or the model's context where that is less. */
  readonly window?: number
  /** Tokens from one window to the next, of which each is scored once, with all the window before it. Default: half a window. */
  readonly stride?: number
}

export interface Perplexity {
  /** exp of the mean negative log-likelihood of a token; its interval takes tokens as independent. */
  readonly perplexity: Estimated
  /** Natural logarithm. */
  readonly meanNll: number
  readonly bitsPerByte: number
  /** Tokens that were scored: all but the first of each text. */
  readonly tokens: number
  readonly window: number
  readonly stride: number
}

/**
 * How well a model foresees texts, in windows that overlap, as Hugging Face's guide "Perplexity of fixed-length models" has it.
 * @throws G3Error `evaluate/bad-option`, `evaluate/nothing` for texts without a second token, `evaluate/not-finite`
 */
export async function perplexity(
  model: Subject,
  texts: readonly string[],
  options: PerplexityOptions = {},
): Promise<Perplexity> {
  const { window = Math.min(2048, model.context), stride = Math.ceil(window / 2), signal, onProgress } = options
  checkCount('window', window, 2, model.context)
  checkCount('stride', stride, 1, window - 1)
  const nll = tally()
  let bytes = 0
  for (const [done, text] of texts.entries()) {
    const ids = model.encode(text)
    bytes += new TextEncoder().encode(text).byteLength
    // The first id is given: nothing tells how likely it was.
    let scored = 1
    for (let begin = 0; scored < ids.length; begin += stride) {
      const end = Math.min(begin + window, ids.length)
      // What follows the last id of a window is another window's.
      await model.scores(
        ids.subarray(begin, end - 1),
        (position, logits) => nll.add(logSumExp(logits) - logits[ids[begin + position + 1]]),
        { signal, from: scored - 1 - begin },
      )
      scored = end
    }
    onProgress?.(done + 1, texts.length)
  }
  checkAny(nll.count, 'text of two tokens')
  check(
    Number.isFinite(nll.mean),
    'evaluate/not-finite',
    'the model gives a token of these texts no probability at all, or no number: the file may be damaged',
  )
  const { value, low, high } = nll.interval()
  return {
    perplexity: { value: Math.exp(value), low: Math.exp(low), high: Math.exp(high) },
    meanNll: nll.mean,
    bitsPerByte: (nll.mean * nll.count) / Math.LN2 / bytes,
    tokens: nll.count,
    window,
    stride,
  }
}
