import { check } from '@g3/backend'
import { parseSampling, type Sampling, type SamplingOptions } from './options.js'
import { uniform } from './random.js'
import { ranking, topK, type Ranking } from './top-k.js'

/** Draws token ids from logits. Holds the state of its random numbers: one for each text. */
export interface Sampler {
  /** The options in use, the seed among them: passing them again repeats the draws. */
  readonly sampling: Sampling
  /** True when the temperature is 0: no random numbers, and a backend can pick by itself. */
  readonly greedy: boolean
  /**
   * @param logits [vocab]; -Infinity for ids that may not come
   * @throws G3Error `sampling/bad-logits` when no logit is finite or one is +Infinity
   */
  pick(logits: Float32Array): number
}

/** The id of the largest logit, the lowest on ties. @throws G3Error `sampling/bad-logits` */
export function argmax(logits: Float32Array): number {
  let best = -1
  let largest = -Infinity
  for (let i = 0; i < logits.length; i++) {
    const value = logits[i]
    if (value > largest) {
      largest = value
      best = i
    }
  }
  check(
    best >= 0 && largest < Infinity,
    'sampling/bad-logits',
    'no token can be chosen: the logits hold no finite maximum',
  )
  return best
}

/** Without a top-k limit the ranking starts with this many and grows until it covers top-p. */
const FIRST_RANKING = 256

/**
 * The chain has llama.cpp's default order: top-k, top-p, min-p, temperature. So top-p and min-p look at the
 * probabilities before the temperature changes them. Drawing walks the remaining tokens from the likeliest down (or by
 * id, where nothing limits them), so one uniform number decides.
 * @throws G3Error `sampling/bad-option`
 */
export function sampler(options?: SamplingOptions): Sampler {
  const sampling = parseSampling(options)
  const { temperature, topP, minP } = sampling
  if (temperature === 0) return { sampling, greedy: true, pick: argmax }

  const random = uniform(sampling.seed)
  let ranked: Ranking = ranking(0)

  /** Ranks `count` logits in `ranked`, which grows to hold them. */
  const rank = (logits: Float32Array, count: number): number => {
    if (ranked.ids.length < count) ranked = ranking(count)
    return topK(logits, count, ranked)
  }

  /**
   * How many of the first `size` ranked tokens top-p keeps, where all of them together weigh `mass`; 0: more than
   * `size`.
   */
  const nucleus = (size: number, mass: number): number => {
    const max = ranked.values[0]
    let sum = 0
    for (let n = 0; n < size; n++) {
      sum += Math.exp(ranked.values[n] - max)
      if (sum >= topP * mass) return n + 1
    }
    return 0
  }

  /** Draws among the first `size` ranked tokens. */
  const drawRanked = (size: number): number => {
    const max = ranked.values[0]
    let kept = size
    const lowest = max + Math.log(minP)
    while (kept > 1 && ranked.values[kept - 1] < lowest) kept--
    let mass = 0
    for (let n = 0; n < kept; n++) mass += Math.exp((ranked.values[n] - max) / temperature)
    let rest = random() * mass
    for (let n = 0; n < kept - 1; n++) {
      rest -= Math.exp((ranked.values[n] - max) / temperature)
      if (rest < 0) return ranked.ids[n]
    }
    return ranked.ids[kept - 1]
  }

  const drawLimited = (logits: Float32Array, limit: number): number => {
    const size = rank(logits, limit)
    if (topP === 1) return drawRanked(size)
    const max = ranked.values[0]
    let mass = 0
    for (let n = 0; n < size; n++) mass += Math.exp(ranked.values[n] - max)
    return drawRanked(nucleus(size, mass) || size)
  }

  /** No top-k: ranks ever more tokens until they cover top-p of all. */
  const drawNucleus = (logits: Float32Array, max: number): number => {
    let mass = 0
    for (let i = 0; i < logits.length; i++) mass += Math.exp(logits[i] - max) || 0
    for (let count = FIRST_RANKING; ; count *= 8) {
      const size = rank(logits, Math.min(count, logits.length))
      const kept = nucleus(size, mass)
      if (kept > 0 || count >= logits.length) return drawRanked(kept || size)
    }
  }

  /** Neither top-k nor top-p: two passes by id, no ranking at all. */
  const drawAny = (logits: Float32Array, max: number): number => {
    const lowest = max + Math.log(minP)
    let mass = 0
    for (let i = 0; i < logits.length; i++) {
      const value = logits[i]
      if (value >= lowest) mass += Math.exp((value - max) / temperature)
    }
    let rest = random() * mass
    let last = -1
    for (let i = 0; i < logits.length; i++) {
      const value = logits[i]
      if (!(value >= lowest && value > -Infinity)) continue
      last = i
      rest -= Math.exp((value - max) / temperature)
      if (rest < 0) break
    }
    return last
  }

  return {
    sampling,
    greedy: false,
    pick(logits) {
      const best = argmax(logits)
      const max = logits[best]
      if (sampling.topK > 0 && sampling.topK < logits.length) return drawLimited(logits, sampling.topK)
      return topP < 1 ? drawNucleus(logits, max) : drawAny(logits, max)
    },
  }
}
