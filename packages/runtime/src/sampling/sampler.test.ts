import { describe, expect, it } from 'vitest'
import { parseSampling, type SamplingOptions } from './options.js'
import { words, xoshiro128 } from './random.js'
import { argmax, sampler } from './sampler.js'
import { ranking, topK } from './top-k.js'

const VOCABULARY = 262_144

/** Logits of a plausible shape, from a generator of its own so that tests do not follow the one under test. */
function logitsOf(seed: number, length = VOCABULARY, spread = 12): Float32Array {
  let state = seed >>> 0
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state / 2 ** 32) ** 3 * spread
  })
}

/** The chain spelled out on a sorted copy: the probabilities that remain, by id. */
function expectedProbabilities(logits: Float32Array, options: SamplingOptions): Map<number, number> {
  const { temperature, topK, topP, minP } = parseSampling(options)
  let kept = Array.from(logits, (logit, id) => ({ logit, id }))
    .filter(({ logit }) => logit > -Infinity)
    .sort((a, b) => b.logit - a.logit || a.id - b.id)
  const max = kept[0]?.logit ?? 0
  if (topK > 0) kept = kept.slice(0, topK)
  const mass = kept.reduce((sum, { logit }) => sum + Math.exp(logit - max), 0)
  let sum = 0
  if (topP < 1)
    kept = kept.filter(({ logit }) => ((sum += Math.exp(logit - max)), sum - Math.exp(logit - max) < topP * mass))
  kept = kept.filter(({ logit }) => Math.exp(logit - max) >= minP)
  const weights = kept.map(({ logit }) => Math.exp((logit - max) / temperature))
  const total = weights.reduce((a, b) => a + b, 0)
  return new Map(kept.map(({ id }, i) => [id, weights[i] / total]))
}

describe('parseSampling', () => {
  it.each([
    { temperature: NaN },
    { temperature: -0.1 },
    { temperature: Infinity },
    { topK: -1 },
    { topK: 1.5 },
    { topK: NaN },
    { topP: 0 },
    { topP: 1.01 },
    { topP: NaN },
    { minP: -0.1 },
    { repetitionPenalty: 0 },
    { repetitionPenalty: NaN },
    { frequencyPenalty: 101 },
    { presencePenalty: Infinity },
    { penaltyLast: 1025 },
    { penaltyLast: -1 },
    { logitBias: { 1: NaN } },
    { logitBias: { [-1]: 1 } },
    { minP: 1 },
    { minP: NaN },
    { typicalP: 0 },
    { typicalP: 1.1 },
    { xtcProbability: 1.1 },
    { xtcThreshold: NaN },
    { dryMultiplier: -1 },
    { dryBase: 0.9 },
    { dryAllowedLength: 0 },
    { dryLast: 1.5 },
    { dryBreakers: [''] },
    { seed: -1 },
    { seed: 0.5 },
    { seed: 2 ** 53 },
    { seed: NaN },
  ])('refuses %o and names the option', (options) => {
    expect(() => parseSampling(options)).toThrow(expect.objectContaining({ code: 'sampling/bad-option' }))
    expect(() => parseSampling(options)).toThrow(new RegExp(`^${Object.keys(options)[0]} (is|has)`))
  })

  it('has the recommended defaults and a seed to repeat by', () => {
    expect(parseSampling()).toMatchObject({ temperature: 1, topK: 64, topP: 0.95, minP: 0 })
    expect(parseSampling().seed).not.toBe(parseSampling().seed)
  })
})

describe('xoshiro128', () => {
  it('gives the first outputs that the formula gives by hand from state 1, 2, 3, 4', () => {
    const next = xoshiro128(1, 2, 3, 4)
    expect([next(), next(), next(), next()]).toEqual([11_520, 0, 5_927_040, 70_819_200])
  })
})

describe('words', () => {
  it('are the same for a seed, everywhere', () => {
    const next = words(42)
    expect([next(), next(), next()]).toEqual([660444221, 3652823732, 77672526])
    expect(words(2 ** 53 - 1)()).not.toBe(words(2 ** 32 - 1)())
  })

  it('are flat in mean, in spread and over sixteen bins', () => {
    const next = words(7)
    const bins = new Float64Array(16)
    const count = 160_000
    let sum = 0
    let squares = 0
    for (let i = 0; i < count; i++) {
      const value = next() / 2 ** 32
      sum += value
      squares += value * value
      const bin = Math.floor(value * 16)
      bins[bin] = bins[bin] + 1
    }
    expect(sum / count).toBeCloseTo(0.5, 2)
    expect(squares / count).toBeCloseTo(1 / 3, 2)
    // Chi-squared with 15 degrees of freedom exceeds 37.7 once in a thousand.
    expect(bins.reduce((chi, n) => chi + (n - count / 16) ** 2 / (count / 16), 0)).toBeLessThan(37.7)
  })
})

describe('topK', () => {
  it('equals a full sort, ties by id, whatever the order of the entries', () => {
    for (const seed of [1, 2, 3]) {
      const entries = logitsOf(seed, 5_000).map((value) => Math.round(value * 20) / 20)
      const sorted = Array.from(entries.keys()).sort((a, b) => entries[b] - entries[a] || a - b)
      for (const count of [1, 2, 64, 999, 5_000]) {
        const into = ranking(count)
        topK(entries, count, into)
        expect(into.size).toBe(count)
        expect(Array.from(into.ids)).toEqual(sorted.slice(0, count))
      }
    }
  })

  it('leaves out -Infinity and NaN', () => {
    const into = ranking(8)
    topK(Float32Array.of(-Infinity, 1, NaN, 3, -Infinity), 8, into)
    expect(into.size).toBe(2)
    expect(Array.from(into.ids.subarray(0, 2))).toEqual([3, 1])
  })
})

describe('sampler', () => {
  it('at temperature 0 takes the largest, the lowest id on ties', () => {
    const { pick, greedy } = sampler({ temperature: 0 })
    expect(greedy).toBe(true)
    expect(pick(Float32Array.of(1, 5, 5, NaN, -Infinity))).toBe(1)
  })

  it('refuses logits without a finite maximum', () => {
    for (const bad of [
      Float32Array.of(),
      Float32Array.of(NaN, NaN),
      Float32Array.of(-Infinity),
      Float32Array.of(1, Infinity),
    ]) {
      expect(() => argmax(bad)).toThrow(expect.objectContaining({ code: 'sampling/bad-logits' }))
      expect(() => sampler({ seed: 1 }).pick(bad)).toThrow(expect.objectContaining({ code: 'sampling/bad-logits' }))
    }
  })

  it.each<SamplingOptions>([
    { temperature: 1 },
    { temperature: 0.7, topK: 5, topP: 1 },
    { temperature: 1.5, topK: 20, topP: 0.9, minP: 0.05 },
    { temperature: 1, topK: 0, topP: 0.5 },
    { temperature: 1, topK: 0, topP: 0.999 },
    { temperature: 2, topK: 0, topP: 1, minP: 0.3 },
    { temperature: 0.8, topK: 0, topP: 1 },
    { temperature: 0.001, topK: 3, topP: 1 },
  ])('draws as often as the chain says: %o', (options) => {
    const logits = logitsOf(5, 400)
    logits[17] = -Infinity
    const expected = expectedProbabilities(logits, options)
    const { pick } = sampler({ ...options, seed: 11 })
    const draws = 20_000
    const counts = new Map<number, number>()
    for (let i = 0; i < draws; i++) {
      const id = pick(logits)
      counts.set(id, (counts.get(id) ?? 0) + 1)
    }
    for (const id of counts.keys()) expect(expected.has(id)).toBe(true)
    for (const [id, probability] of expected) {
      const deviation = Math.sqrt(draws * probability * (1 - probability))
      expect(Math.abs((counts.get(id) ?? 0) - draws * probability)).toBeLessThan(5 * deviation + 1)
    }
  })

  it.each<SamplingOptions>([
    { temperature: 0 },
    {},
    { temperature: 0.7, topK: 5, topP: 1 },
    { temperature: 1.5, topK: 20, topP: 0.9, minP: 0.05 },
    { topK: 1 },
  ])('draws from the ranked tokens what it draws from all: %o', (options) => {
    const [all, some] = [sampler({ ...options, seed: 5 }), sampler({ ...options, seed: 5 })]
    const ranked = ranking(some.depth)
    for (let i = 0; i < 300; i++) {
      const logits = logitsOf(i, 1_000)
      if (i === 7) logits.fill(-Infinity, 3)
      topK(logits, some.depth, ranked)
      expect(some.pickRanked(ranked)).toBe(all.pick(logits))
    }
  })

  it.each<SamplingOptions>([
    { temperature: 0 },
    {},
    { temperature: 0.7, topK: 5, topP: 1 },
    { temperature: 1.5, topK: 20, topP: 0.9, minP: 0.05 },
    { topK: 0, topP: 0.9 },
    { topK: 0, topP: 1 },
  ])('draws allowed tokens from the ranked ones as from all, or says that it takes more: %o', (options) => {
    const [all, some] = [sampler({ ...options, seed: 5 }), sampler({ ...options, seed: 5 })]
    const ranked = ranking(64)
    let decided = 0
    for (let i = 0; i < 300; i++) {
      const logits = logitsOf(i, 1_000, 40)
      topK(logits, 64, ranked)
      const isAllowed = (id: number): boolean => (Math.imul(id + i, 0x9e3779b1) >>> 28) % 5 > i % 5
      const masked = logits.map((logit, id) => (isAllowed(id) ? logit : -Infinity))
      if (!masked.some((logit) => logit > -Infinity)) continue
      const found = some.pickAllowed(ranked, isAllowed)
      if (found !== undefined) decided++
      expect(found ?? some.pick(masked)).toBe(all.pick(masked))
    }
    if (options.topK !== 0 && options.topP !== 1) expect(decided).toBeGreaterThan(100)
  })

  it('needs all logits without top-k, and some number among the ranked', () => {
    expect(sampler({ topK: 0 }).depth).toBe(Infinity)
    expect(sampler({ temperature: 0 }).depth).toBe(1)
    expect(sampler({}).depth).toBe(64)
    const [empty, endless] = [ranking(64), ranking(64)]
    Object.assign(endless, { size: 1 }).values[0] = Infinity
    for (const bad of [empty, endless]) {
      for (const temperature of [0, 1]) {
        const { pickRanked } = sampler({ temperature })
        expect(() => pickRanked(bad)).toThrow(expect.objectContaining({ code: 'sampling/bad-logits' }))
      }
    }
  })

  it('repeats its draws for a seed and differs for another', () => {
    const draw = (seed: number): number[] => {
      const { pick } = sampler({ seed, topK: 0, topP: 0.99 })
      return Array.from({ length: 20 }, (_, i) => pick(logitsOf(i, 3_000)))
    }
    expect(draw(3)).toEqual(draw(3))
    expect(draw(3)).not.toEqual(draw(4))
  })

  it('ranks all tokens when the distribution is flat', () => {
    const { pick } = sampler({ topK: 0, topP: 0.99, seed: 1 })
    expect(pick(new Float32Array(50_000))).toBeGreaterThanOrEqual(0)
  })
})
