import { logSumExp } from '../log-sum-exp.js'
import type { Random } from '../random.js'

/** Tokens and how much each counts; the weights of a position add up to 1. */
export interface Targets {
  readonly ids: Int32Array
  readonly weights: Float32Array
}

/**
 * Draws tokens by the teacher's probabilities, each as often as it comes, and weighs a token by its share of the draws: so the expectation
 * is the softmax itself, and so is that of every gradient. Source: Gemma 3 Technical Report, arXiv 2503.19786, section 2.2.
 * @param samples how many are drawn; 256 in the report
 */
export function sampledTargets(logits: Float32Array, samples: number, rng: Random): Targets {
  const sum = logSumExp(logits)
  const draws = Float64Array.from({ length: samples }, () => rng.uniform()).sort()
  const ids: number[] = []
  const counts: number[] = []
  let [at, reached] = [0, 0]
  let last = 0
  for (let id = 0; id < logits.length && at < samples; id++) {
    const share = Math.exp(logits[id] - sum)
    if (share > 0) last = id
    reached += share
    let count = 0
    while (at < samples && draws[at] < reached) {
      at++
      count++
    }
    if (count > 0) {
      ids.push(id)
      counts.push(count)
    }
  }
  // Rounding can leave the sum a little below 1, and draws above it.
  if (at < samples) {
    const left = samples - at
    if (ids.at(-1) === last) counts[counts.length - 1] += left
    else {
      ids.push(last)
      counts.push(left)
    }
  }
  return { ids: Int32Array.from(ids), weights: Float32Array.from(counts, (count) => count / samples) }
}

/** The likeliest tokens, their probabilities made to add up to 1. As many as there are: the full softmax. */
export function topTargets(logits: Float32Array, count: number): Targets {
  const sum = logSumExp(logits)
  const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a] || a - b)
  const ids = order.slice(0, count).filter((id) => logits[id] > -Infinity)
  const shares = ids.map((id) => Math.exp(logits[id] - sum))
  const total = shares.reduce((a, b) => a + b, 0)
  return { ids: Int32Array.from(ids), weights: Float32Array.from(shares, (share) => share / total) }
}
