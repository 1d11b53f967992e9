import { check } from '@g3/backend'
import { logSumExp } from '../log-sum-exp.js'
import { share, tally, type Estimated } from './intervals.js'
import { checkAny, checkCount, type EvaluateOptions, type Subject } from './subject.js'

export interface KlOptions extends EvaluateOptions {
  /** Tokens of a text that are compared; longer texts are cut into parts. Default: 512, or the context where that is less. */
  readonly window?: number
}

export interface Divergence {
  /** Mean of KL(base ‖ model) over positions, in nats. */
  readonly kl: Estimated
  readonly largest: number
  /** Share of positions at which both have the same likeliest token. */
  readonly sameTop: Estimated
  readonly positions: number
}

/** Positions whose logits are held: 64 MB of the published vocabulary. */
const HELD = 64

/**
 * How far a model's predictions are from those of another with the same tokens: another size, quantisation, precision, or the
 * same with adapters. After each token of each text, the first included.
 * @throws G3Error `evaluate/other-tokens`, `evaluate/bad-option`, `evaluate/nothing`, `evaluate/not-finite`
 */
export async function kl(
  model: Subject,
  base: Subject,
  texts: readonly string[],
  options: KlOptions = {},
): Promise<Divergence> {
  const context = Math.min(model.context, base.context)
  const { window = Math.min(512, context), signal, onProgress } = options
  checkCount('window', window, 1, context)
  const vocabulary = model.tokenizer.size
  check(
    vocabulary === base.tokenizer.size,
    'evaluate/other-tokens',
    () => `the models have ${vocabulary} and ${base.tokenizer.size} tokens: only those with the same can be compared`,
  )
  const held = Array.from({ length: Math.min(HELD, window) }, () => new Float32Array(vocabulary))
  const divergence = tally()
  let largest = 0
  let agreed = 0
  for (const [done, text] of texts.entries()) {
    const ids = model.encode(text)
    for (let begin = 0; begin < ids.length; begin += window) {
      const part = ids.subarray(begin, begin + window)
      for (let from = 0; from < part.length; from += held.length) {
        const seen = part.subarray(0, from + held.length)
        await base.scores(seen, (position, logits) => held[position - from].set(logits.subarray(0, vocabulary)), {
          signal,
          from,
        })
        const compare = (position: number, logits: Float32Array): void => {
          const { nats, sameTop } = between(held[position - from], logits.subarray(0, vocabulary))
          divergence.add(nats)
          largest = Math.max(largest, nats)
          if (sameTop) agreed++
        }
        await model.scores(seen, compare, { signal, from })
      }
    }
    onProgress?.(done + 1, texts.length)
  }
  checkAny(divergence.count, 'text')
  check(
    Number.isFinite(divergence.mean),
    'evaluate/not-finite',
    'a model gives logits that are no numbers: a file may be damaged',
  )
  return {
    kl: divergence.interval(),
    largest,
    sameTop: share(agreed, divergence.count),
    positions: divergence.count,
  }
}

/** KL(p ‖ q) of the softmax of logits; where p has nothing, it adds nothing. */
function between(p: Float32Array, q: Float32Array): { readonly nats: number; readonly sameTop: boolean } {
  const [pSum, qSum] = [logSumExp(p), logSumExp(q)]
  let nats = 0
  let [pTop, qTop] = [0, 0]
  for (let id = 0; id < p.length; id++) {
    if (p[id] > p[pTop]) pTop = id
    if (q[id] > q[qTop]) qTop = id
    if (p[id] === -Infinity) continue
    const log = p[id] - pSum
    nats += Math.exp(log) * (log - (q[id] - qSum))
  }
  // Rounding can leave equal ones a little below nothing.
  return { nats: nats < 0 ? 0 : nats, sameTop: pTop === qTop }
}
