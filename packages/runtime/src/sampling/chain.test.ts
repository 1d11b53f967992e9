import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dry } from './dry.js'
import { editor } from './edits.js'
import { parseSampling, type SamplingOptions } from './options.js'
import { sampler } from './sampler.js'
import { ranking, topK } from './top-k.js'

/** Logits of a plausible shape, of which none is close to another's place in the chain. */
function logitsOf(seed: number, length: number, spread: number): Float32Array {
  let state = seed >>> 0
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return (state / 2 ** 32) ** 3 * spread
  })
}

interface Candidate {
  readonly id: number
  readonly logit: number
}

const shares = (kept: readonly Candidate[]): number[] => {
  const weights = kept.map(({ logit }) => Math.exp(logit - Math.max(...kept.map((each) => each.logit))))
  const sum = weights.reduce((a, b) => a + b, 0)
  return weights.map((weight) => weight / sum)
}

/** llama.cpp's chain in floats: the probability of each id that is left. */
function expectedProbabilities(logits: Float32Array, options: SamplingOptions): Map<number, number> {
  const { temperature, topK: most, topP, minP, typicalP, xtcProbability, xtcThreshold } = parseSampling(options)
  let kept: Candidate[] = Array.from(logits, (logit, id) => ({ logit, id })).sort((a, b) => b.logit - a.logit)
  if (most > 0) kept = kept.slice(0, most)
  if (typicalP < 1) {
    const p = shares(kept)
    const entropy = -p.reduce((sum, each) => sum + each * Math.log(each), 0)
    const order = kept
      .map((_, n) => n)
      .sort((a, b) => Math.abs(-Math.log(p[a]) - entropy) - Math.abs(-Math.log(p[b]) - entropy))
    const left = new Set<number>()
    for (let n = 0, sum = 0; n < order.length && sum <= typicalP; n++) {
      left.add(order[n])
      sum += p[order[n]]
    }
    kept = kept.filter((_, n) => left.has(n))
  }
  if (topP < 1) {
    const p = shares(kept)
    let sum = 0
    kept = kept.filter((_, n) => ((sum += p[n]), sum - p[n] < topP))
  }
  kept = kept.filter(({ logit }) => Math.exp(logit - kept[0].logit) >= minP)
  const heated = (some: readonly Candidate[], chance: number): [number, number][] =>
    shares(some.map(({ id, logit }) => ({ id, logit: logit / temperature }))).map((share, n) => [
      some[n].id,
      chance * share,
    ])
  const tops = shares(kept).filter((share) => share >= xtcThreshold).length
  if (xtcProbability === 0 || tops < 2) return new Map(heated(kept, 1))
  const found = new Map(heated(kept, 1 - xtcProbability))
  for (const [id, chance] of heated(kept.slice(tops - 1), xtcProbability)) found.set(id, (found.get(id) ?? 0) + chance)
  return found
}

const OPTIONS: readonly SamplingOptions[] = [
  { typicalP: 0.3 },
  { typicalP: 0.9, topP: 0.8 },
  { typicalP: 0.6, topK: 0, topP: 1 },
  { xtcProbability: 0.5, topK: 0, topP: 1 },
  { xtcProbability: 1, xtcThreshold: 0.05, minP: 0.02, temperature: 1.4 },
  { xtcProbability: 0.3, xtcThreshold: 0.02, typicalP: 0.95, topK: 30, temperature: 0.6 },
]

describe('typical sampling and XTC', () => {
  it.each(OPTIONS)('draw as often as the chain in floats says: %o', (options) => {
    const logits = logitsOf(5, 300, 7)
    const expected = expectedProbabilities(logits, options)
    const { pick } = sampler({ ...options, seed: 11 })
    const draws = 4_000
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

  it.each(OPTIONS.filter(({ topK: most }) => most !== 0))(
    'draw the same from ranked tokens, and from allowed ones: %o',
    (options) => {
      const [all, some, allowed, masked] = [0, 1, 2, 3].map(() => sampler({ ...options, seed: 5 }))
      expect(some.drawnHere).toBe(true)
      const ranked = ranking(some.depth)
      for (let i = 0; i < 40; i++) {
        const logits = logitsOf(i, 500, 9)
        topK(logits, some.depth, ranked)
        expect(some.pickRanked(ranked)).toBe(all.pick(logits))
        const isAllowed = (id: number): boolean => (id + i) % 3 > 0
        const held = logits.map((logit, id) => (isAllowed(id) ? logit : -Infinity))
        expect(allowed.pickAllowed(ranked, isAllowed) ?? allowed.pick(held)).toBe(masked.pick(held))
      }
    },
  )

  it('do nothing at temperature 0', () => {
    const { pick, drawnHere } = sampler({ temperature: 0, typicalP: 0.1, xtcProbability: 1 })
    expect(pick(Float32Array.of(1, 3, 2.9))).toBe(1)
    expect(drawnHere).toBe(false)
  })
})

/** DRY by its definition: each earlier place is compared with the end, token by token. */
function penaltiesByDefinition(text: readonly number[], options: SamplingOptions, breakers: ReadonlySet<number>) {
  const { dryMultiplier, dryBase, dryAllowedLength } = parseSampling(options)
  const found = new Map<number, number>()
  for (let place = 0; place < text.length - 1; place++) {
    let same = 0
    while (same <= place && text[place - same] === text.at(-1 - same) && !breakers.has(text[place - same])) same++
    const next = text[place + 1]
    if (same < dryAllowedLength || breakers.has(next)) continue
    const penalty = dryMultiplier * dryBase ** (same - dryAllowedLength)
    found.set(next, Math.max(found.get(next) ?? 0, penalty))
  }
  return found
}

describe('DRY', () => {
  it('takes from logits what the definition says, for any text', () => {
    const texts = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 60 })
    const options = fc.record({
      dryMultiplier: fc.constantFrom(0.5, 0.8),
      dryBase: fc.constantFrom(1, 1.75),
      dryAllowedLength: fc.integer({ min: 1, max: 4 }),
    })
    fc.assert(
      fc.property(texts, options, fc.boolean(), (text, chosen, broken) => {
        const dryBreakers = broken ? ['e'] : []
        const found = dry(parseSampling({ ...chosen, dryBreakers }), (id) => 'abcde'[id])?.penalties(text)
        expect(found).toEqual(penaltiesByDefinition(text, chosen, new Set(broken ? [4] : [])))
      }),
      { numRuns: 500 },
    )
  })

  it('sees breakers across tokens, and none in images', () => {
    const pieces = ['x', '<b', 'r>', 'y']
    const options = parseSampling({ dryMultiplier: 1, dryBreakers: ['<br>'], dryAllowedLength: 1 })
    const found = (text: number[]) => dry(options, (id) => pieces[id])?.penalties(text)
    expect(found([0, 3, 1, 2, 0])).toEqual(new Map([[3, 1]]))
    expect(found([0, 3, 0, 1, 2])).toEqual(new Map())
    expect(found([-5, -6, 0, -5, -6])).toEqual(new Map([[0, 1.75]]))
  })

  it('goes with penalties and biases, in one change of a logit', () => {
    const options = parseSampling({
      dryMultiplier: 1,
      dryBreakers: [],
      presencePenalty: 0.5,
      penaltyLast: 1,
      logitBias: { 7: 2 },
    })
    const changes = editor(options)?.edits([5, 6, 7, 5, 6], 100)
    const rows = Array.from({ length: changes?.counts[0] ?? 0 }, (_, n) => [
      changes?.ids[n],
      ...(changes?.changes.subarray(4 * n, 4 * n + 4) ?? []),
    ])
    expect(rows).toEqual([
      [6, 0, 1, 1, -0.5],
      [7, 2, 1, 1, -1],
    ])
  })

  it('looks at the last tokens only where told, and stays within f32', () => {
    const options = { dryMultiplier: 1, dryBreakers: [] }
    expect(editor(parseSampling({ ...options, dryLast: 3 }))?.last).toBe(3)
    const long = new Array<number>(5000).fill(1)
    const found = dry(parseSampling(options))?.penalties(long).get(1) ?? 0
    expect(Math.fround(found)).toBeLessThan(Infinity)
  })

  it('needs the texts of tokens for its breakers', () => {
    expect(() => sampler({ dryMultiplier: 1 })).toThrow(expect.objectContaining({ code: 'sampling/bad-option' }))
    expect(sampler({ dryMultiplier: 1 }, () => '').editor).toBeDefined()
  })
})
