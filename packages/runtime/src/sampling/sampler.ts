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
  /** How many of the largest logits decide; Infinity where all do. */
  readonly depth: number
  /**
   * As {@link pick}, from what is needed of the logits only.
   * @param ranked the {@link depth} largest, or fewer where no more are above −Infinity
   * @throws G3Error as {@link pick}
   */
  pickRanked(ranked: Ranking): number
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
  checkLargest(largest)
  return best
}

const checkLargest = (logit: number): void =>
  check(
    logit > -Infinity && logit < Infinity,
    'sampling/bad-logits',
    'no token can be chosen: the logits hold no finite maximum',
  )

function checkRanked({ values, size }: Ranking): void {
  checkLargest(size > 0 ? values[0] : -Infinity)
}

function first(ranked: Ranking): number {
  checkRanked(ranked)
  return ranked.ids[0]
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
  if (temperature === 0) return { sampling, greedy: true, depth: 1, pick: argmax, pickRanked: first }

  const random = uniform(sampling.seed)
  let held: Ranking = ranking(0)

  /** Ranks `count` logits; `held` grows to hold them. */
  const rank = (logits: Float32Array, count: number): Ranking => {
    if (held.ids.length < count) held = ranking(count)
    topK(logits, count, held)
    return held
  }

  /** How many of the ranked tokens top-p keeps, where all of them together weigh `mass`; 0: more than there are. */
  const nucleus = ({ values, size }: Ranking, mass: number): number => {
    let sum = 0
    for (let n = 0; n < size; n++) {
      sum += Math.exp(values[n] - values[0])
      if (sum >= topP * mass) return n + 1
    }
    return 0
  }

  /** Draws among the first `size` ranked tokens. */
  const drawAmong = ({ ids, values }: Ranking, size: number): number => {
    const max = values[0]
    let kept = size
    const lowest = max + Math.log(minP)
    while (kept > 1 && values[kept - 1] < lowest) kept--
    let mass = 0
    for (let n = 0; n < kept; n++) mass += Math.exp((values[n] - max) / temperature)
    let rest = random() * mass
    for (let n = 0; n < kept - 1; n++) {
      rest -= Math.exp((values[n] - max) / temperature)
      if (rest < 0) return ids[n]
    }
    return ids[kept - 1]
  }

  const pickRanked = (ranked: Ranking): number => {
    checkRanked(ranked)
    if (topP === 1) return drawAmong(ranked, ranked.size)
    let mass = 0
    for (let n = 0; n < ranked.size; n++) mass += Math.exp(ranked.values[n] - ranked.values[0])
    return drawAmong(ranked, nucleus(ranked, mass) || ranked.size)
  }

  /** No top-k: ranks ever more tokens until they cover top-p of all. */
  const drawNucleus = (logits: Float32Array, max: number): number => {
    let mass = 0
    for (let i = 0; i < logits.length; i++) mass += Math.exp(logits[i] - max) || 0
    for (let count = FIRST_RANKING; ; count *= 8) {
      const ranked = rank(logits, Math.min(count, logits.length))
      const kept = nucleus(ranked, mass)
      if (kept > 0 || count >= logits.length) return drawAmong(ranked, kept || ranked.size)
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
    depth: sampling.topK || Infinity,
    pick(logits) {
      if (sampling.topK > 0 && sampling.topK <= logits.length) return pickRanked(rank(logits, sampling.topK))
      const max = logits[argmax(logits)]
      return topP < 1 ? drawNucleus(logits, max) : drawAny(logits, max)
    },
    pickRanked,
  }
}
