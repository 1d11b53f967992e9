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
  /** Makes what the text has already less likely: divides logits above 0 by it, multiplies others; 1 does nothing. Default 1. */
  readonly repetitionPenalty?: number
  /** Taken from a token's logit for each time that the text has it. Default 0. */
  readonly frequencyPenalty?: number
  /** Taken from a token's logit where the text has it. Default 0. */
  readonly presencePenalty?: number
  /** How many of the text's last tokens, prompt and answer, the penalties look at, up to 1024. Default 64. */
  readonly penaltyLast?: number
  /** Added to the logits of these ids before anything else; -Infinity forbids one. At most 1024. */
  readonly logitBias?: Readonly<Record<number, number>>
  /** Whole number from 0 to 2^53 - 1. The same seed draws the same tokens everywhere. Default: a random one. */
  readonly seed?: number
}

/** {@link SamplingOptions} with every value settled. */
export type Sampling = Required<SamplingOptions>

/** Recommended in Gemma 3's model cards. */
const DEFAULTS = {
  temperature: 1,
  topK: 64,
  topP: 0.95,
  minP: 0,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  penaltyLast: 64,
  logitBias: {},
} as const

/** Most tokens that penalties look at, and most ids with a bias. */
export const MOST_EDITS = 1024

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
    repetitionPenalty = DEFAULTS.repetitionPenalty,
    frequencyPenalty = DEFAULTS.frequencyPenalty,
    presencePenalty = DEFAULTS.presencePenalty,
    penaltyLast = DEFAULTS.penaltyLast,
    logitBias = DEFAULTS.logitBias,
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
  demand(
    repetitionPenalty > 0 && repetitionPenalty <= 100,
    'repetitionPenalty',
    repetitionPenalty,
    'above 0 and at most 100',
  )
  for (const [name, value] of Object.entries({ frequencyPenalty, presencePenalty })) {
    demand(Math.abs(value) <= 100, name, value, 'a number from -100 to 100')
  }
  demand(
    isWhole(penaltyLast, 0) && penaltyLast <= MOST_EDITS,
    'penaltyLast',
    penaltyLast,
    `a whole number up to ${MOST_EDITS}`,
  )
  checkBias(logitBias)
  return {
    temperature,
    topK,
    topP,
    minP,
    repetitionPenalty,
    frequencyPenalty,
    presencePenalty,
    penaltyLast,
    logitBias,
    seed,
  }
}

function checkBias(bias: Readonly<Record<number, number>>): void {
  const entries = Object.entries(bias)
  check(
    entries.length <= MOST_EDITS,
    'sampling/bad-option',
    () => `logitBias has ${entries.length} ids; at most ${MOST_EDITS} are allowed`,
  )
  for (const [id, value] of entries) {
    check(
      isWhole(Number(id), 0) && (Number.isFinite(value) || value === -Infinity),
      'sampling/bad-option',
      () => `logitBias has ${id}: ${value}; ids are whole numbers, what is added is a number or -Infinity`,
    )
  }
}
