import { drawAmong, drawOf, drawWeight, fractionOf, nucleus } from '@g3/backend'
import type { Sampling } from './options.js'
import type { Ranking } from './top-k.js'

const WORDS = 2 ** 32

export const usesTypicalOrXtc = ({ typicalP, xtcProbability, xtcThreshold }: Sampling): boolean =>
  typicalP < 1 || (xtcProbability > 0 && xtcThreshold <= 0.5)

/**
 * Draws with typical sampling and XTC in the chain: typical, top-p, min-p, XTC, temperature, in llama.cpp's order. Weights
 * are the whole numbers of `draw.ts`, and beside those only +, −, · and / of f64, which round alike everywhere: a seed
 * draws the same tokens on every machine.
 * @param random 32 random bits at a time: one for XTC where it is on, then one for the draw
 * @returns takes what top-k has left, and gives the id
 */
export function typicalXtc(sampling: Sampling, random: () => number): (ranked: Ranking) => number {
  const { typicalP, topP, minP, xtcProbability, xtcThreshold } = sampling
  const { threshold, share } = drawOf(sampling, 0)
  const isXtc = xtcProbability > 0 && xtcThreshold <= 0.5
  let ids = new Int32Array(64)
  let values = new Float32Array(64)

  const take = (ranked: Ranking): number => {
    if (ids.length < ranked.size) {
      ids = new Int32Array(ranked.size)
      values = new Float32Array(ranked.size)
    }
    ids.set(ranked.ids.subarray(0, ranked.size))
    values.set(ranked.values.subarray(0, ranked.size))
    return ranked.size
  }

  return (ranked) => {
    let size = take(ranked)
    if (typicalP < 1) size = keepTypical(ids, values, size, typicalP)
    if (topP < 1) size = nucleus(values, size, fractionOf(weigh(values, size), threshold)) ?? size
    while (size > 1 && minP > 0 && drawWeight(values[0], values[size - 1]) < share) size--
    const chosen = isXtc && random() < xtcProbability * WORDS ? likelyOnes(values, size, xtcThreshold) - 1 : 0
    const first = Math.max(0, chosen)
    const draw = { ...drawOf(sampling, random()), share: 0 }
    return ids[first + drawAmong(values.subarray(first), size - first, draw)]
  }
}

function weigh(values: Float32Array, size: number): number {
  let all = 0
  for (let n = 0; n < size; n++) all += drawWeight(values[0], values[n])
  return all
}

/** How many have at least this probability. */
function likelyOnes(values: Float32Array, size: number, probability: number): number {
  const least = probability * weigh(values, size)
  let count = 0
  while (count < size && drawWeight(values[0], values[count]) >= least) count++
  return count
}

/**
 * Keeps, in their order, the fewest tokens whose information is nearest to the entropy and whose probabilities sum to more
 * than `typicalP`. With d the distance from the largest logit, |−ln p − entropy| is |d − Σ p·d|: the normaliser cancels.
 * @see https://arxiv.org/abs/2202.00666
 */
function keepTypical(ids: Int32Array, values: Float32Array, size: number, typicalP: number): number {
  const largest = values[0]
  const weights = Float64Array.from({ length: size }, (_, n) => drawWeight(largest, values[n]))
  let all = 0
  let moment = 0
  for (let n = 0; n < size; n++) {
    all += weights[n]
    if (weights[n] > 0) moment += weights[n] * (largest - values[n])
  }
  const mean = moment / all
  const distances = Float64Array.from({ length: size }, (_, n) => Math.abs(largest - values[n] - mean))
  const nearest = Int32Array.from({ length: size }, (_, n) => n).sort((a, b) => distances[a] - distances[b] || a - b)
  const enough = typicalP * all
  let covered = 0
  let count = 0
  while (count < size && covered <= enough) covered += weights[nearest[count++]]
  const kept = nearest.subarray(0, count).sort()
  for (let n = 0; n < count; n++) {
    ids[n] = ids[kept[n]]
    values[n] = values[kept[n]]
  }
  return count
}
