import { check } from '@g3/backend'

/** How the next token is drawn. What is left out has Gemma 3's recommended value. */
export interface SamplingOptions {
  /** Divides the logits before the draw; 0 takes the most likely token always. Default 1. */
  readonly temperature?: number
  /** Keeps the k most likely tokens; 0 keeps all. Default 64. */
  readonly topK?: number
  /**
   * Keeps the smallest set of most likely tokens whose probabilities sum to at least this; 1 keeps all. Default 0.95.
   */
  readonly topP?: number
  /** Drops tokens less likely than this share of the most likely one's probability; 0 drops none. Default 0. */
  readonly minP?: number
  /** Whole number from 0 to 2^53 - 1. The same seed draws the same tokens everywhere. Default: a random one. */
  readonly seed?: number
}

/** {@link SamplingOptions} with every value settled. */
export type Sampling = Required<SamplingOptions>

/** Recommended in Gemma 3's model cards. */
const DEFAULTS = { temperature: 1, topK: 64, topP: 0.95, minP: 0 } as const

const isWhole = (value: number, from: number): boolean => Number.isSafeInteger(value) && value >= from

function randomSeed(): number {
  const [word = 0] = crypto.getRandomValues(new Uint32Array(1))
  return word
}

/**
 * Checks options and fills in what is left out.
 * @throws G3Error `sampling/bad-option` naming the option, the value and what is allowed
 */
export function parseSampling(options: SamplingOptions = {}): Sampling {
  const {
    temperature = DEFAULTS.temperature,
    topK = DEFAULTS.topK,
    topP = DEFAULTS.topP,
    minP = DEFAULTS.minP,
  } = options
  const { seed = randomSeed() } = options
  const demand = (fits: boolean, name: string, value: number, allowed: string): void =>
    check(fits, 'sampling/bad-option', () => `${name} is ${value}; it must be ${allowed}`)
  demand(
    Number.isFinite(temperature) && temperature >= 0,
    'temperature',
    temperature,
    'a number from 0 (greedy) upwards',
  )
  demand(isWhole(topK, 0), 'topK', topK, 'a whole number, 0 for no limit')
  demand(topP > 0 && topP <= 1, 'topP', topP, 'above 0 and at most 1')
  demand(minP >= 0 && minP < 1, 'minP', minP, 'from 0 to below 1')
  demand(isWhole(seed, 0), 'seed', seed, 'a whole number from 0 to 2^53 - 1')
  return { temperature, topK, topP, minP, seed }
}
