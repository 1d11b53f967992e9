import { check } from '@g3/backend'

/**
 * How the next token is drawn. What is left out has Gemma 3's recommended value.
 *
 * In this order, which is llama.cpp's default: bias, constraint, penalties, DRY, top-k, typical, top-p, min-p, XTC,
 * temperature, draw. Temperature 0 takes the largest logit that bias, constraint, penalties and DRY leave.
 */
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
  /**
   * Locally typical sampling: keeps the tokens whose information is nearest to the entropy, until their probabilities sum
   * to more than this; 1 keeps all. Looked at after top-k and before top-p. Default 1.
   */
  readonly typicalP?: number
  /**
   * XTC, "exclude top choices": how often, from 0 to 1, all tokens but the last of those that have {@link xtcThreshold} are
   * left out. After min-p. Default 0.
   */
  readonly xtcProbability?: number
  /** The probability from which a token is a top choice for XTC; above 0.5 there are never two. Default 0.1. */
  readonly xtcThreshold?: number
  /** DRY: what a token loses that would make a repeat of {@link dryAllowedLength} tokens longer; 0 for no DRY. Default 0. */
  readonly dryMultiplier?: number
  /** By what the loss grows with each token more of the repeat, from 1. Default 1.75. */
  readonly dryBase?: number
  /** From how many repeated tokens on DRY acts. Default 2. */
  readonly dryAllowedLength?: number
  /** How many of the text's last tokens DRY looks at. Default: all. */
  readonly dryLast?: number
  /** Texts across which DRY sees no repeat. Default: a line break, `:`, `"` and `*`. At most 32 of up to 40 characters. */
  readonly dryBreakers?: readonly string[]
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
  typicalP: 1,
  xtcProbability: 0,
  xtcThreshold: 0.1,
  dryMultiplier: 0,
  dryBase: 1.75,
  dryAllowedLength: 2,
  dryLast: Infinity,
  dryBreakers: ['\n', ':', '"', '*'] as readonly string[],
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  penaltyLast: 64,
  logitBias: {},
} as const

/** Most tokens that penalties look at, and most ids with a bias. */
export const MOST_EDITS = 1024

const isWhole = (value: number, from: number): boolean => Number.isSafeInteger(value) && value >= from

const isWithin = (value: number, from: number, to: number): boolean => value >= from && value <= to

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
    typicalP = DEFAULTS.typicalP,
    xtcProbability = DEFAULTS.xtcProbability,
    xtcThreshold = DEFAULTS.xtcThreshold,
    dryMultiplier = DEFAULTS.dryMultiplier,
    dryBase = DEFAULTS.dryBase,
    dryAllowedLength = DEFAULTS.dryAllowedLength,
    dryLast = DEFAULTS.dryLast,
    dryBreakers = DEFAULTS.dryBreakers,
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
  demand(typicalP > 0 && typicalP <= 1, 'typicalP', typicalP, 'above 0 and at most 1')
  demand(isWithin(xtcProbability, 0, 1), 'xtcProbability', xtcProbability, 'from 0 to 1')
  demand(isWithin(xtcThreshold, 0, 1), 'xtcThreshold', xtcThreshold, 'from 0 to 1')
  demand(isWithin(dryMultiplier, 0, 100), 'dryMultiplier', dryMultiplier, 'from 0 to 100')
  demand(isWithin(dryBase, 1, 100), 'dryBase', dryBase, 'from 1 to 100')
  demand(isWhole(dryAllowedLength, 1), 'dryAllowedLength', dryAllowedLength, 'a whole number from 1')
  demand(
    dryLast === Infinity || isWhole(dryLast, 0),
    'dryLast',
    dryLast,
    'a whole number of tokens, or Infinity for all',
  )
  checkBreakers(dryBreakers)
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
    typicalP,
    xtcProbability,
    xtcThreshold,
    dryMultiplier,
    dryBase,
    dryAllowedLength,
    dryLast,
    dryBreakers,
    repetitionPenalty,
    frequencyPenalty,
    presencePenalty,
    penaltyLast,
    logitBias,
    seed,
  }
}

const MOST_BREAKERS = 32
const LONGEST_BREAKER = 40

function checkBreakers(breakers: readonly string[]): void {
  check(
    breakers.length <= MOST_BREAKERS && breakers.every(({ length }) => length > 0 && length <= LONGEST_BREAKER),
    'sampling/bad-option',
    () =>
      `dryBreakers is ${JSON.stringify(breakers)}; it takes up to ${MOST_BREAKERS} texts of 1 to ${LONGEST_BREAKER} characters`,
  )
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
