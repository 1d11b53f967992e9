import { check, PAGE } from '@g3/backend'
import type { ChatMessage } from '@g3/tokenizer'
import type { Constraint } from '../grammar/constraint.js'
import type { SamplingOptions } from '../sampling/options.js'
import { sampler, type Sampler } from '../sampling/sampler.js'
import type { Drafter } from '../speculate/drafter.js'

/**
 * What to continue: plain text (markers of turns in it stay text), a conversation in the Gemma 3 turn format, or ids as
 * they are (a beginning-of-sequence id included, if wanted).
 */
export type Prompt = string | readonly ChatMessage[] | Int32Array

export interface GenerateOptions extends SamplingOptions {
  /** Most tokens to generate. Default: as many as the context holds. */
  readonly maxTokens?: number
  /**
   * Strings that end the text where they begin, and token ids that end it. The model's own end marks (`<eos>`,
   * `<end_of_turn>`) always do.
   */
  readonly stop?: readonly (string | number)[]
  /** Ends the generation early with `stopReason: 'aborted'`; what was generated stays. */
  readonly signal?: AbortSignal
  /**
   * Holds the text to a grammar (`@g3/runtime/grammar`), from where it stands now: only tokens that it allows are drawn,
   * those that it leaves no choice about are added without asking the model, and the text ends where it must.
   */
  readonly constraint?: Constraint
  /** Tells with each token how likely it was, beside so many of the likeliest: 0 to 20. Default: not at all. */
  readonly logprobs?: number
  /**
   * Tells in the result how likely each token of the prompt was, beside so many of the likeliest: 0 to 20. The whole prompt
   * is read for that, whatever the model holds of it. Default: not at all.
   */
  readonly promptLogprobs?: number
  /**
   * Guesses tokens, several of which the model checks at a time (`@g3/runtime/speculate`). The text is the same as without,
   * draws and all; where guessing does not pay, it is left off for a while.
   */
  readonly speculate?: Drafter
  /** Tokens of the prompt that the model has read, of how many. */
  readonly onPrefill?: (done: number, total: number) => void
  /** Layers of the image encoder that are done, of how many, for each image that it has not seen before. */
  readonly onEncode?: (done: number, total: number) => void
  /**
   * What happens when the context is full. `error` (default): `generate/context-full`, or `generate/prompt-too-long`
   * before anything is read. `stop`: the text ends with `stopReason: 'context'`. `shift`: the first `keep` tokens stay,
   * the older half of the others is dropped, and the text goes on; so it does with a prompt that does not fit.
   */
  readonly overflow?: OverflowPolicy
  /** Tokens at the start that `shift` never drops, rounded up to whole pages of 128. Default 128. */
  readonly keep?: number
  /** Told each time the context was full and the text went on or ended all the same. */
  readonly onOverflow?: (event: Overflow) => void
}

export type OverflowPolicy = 'error' | 'stop' | 'shift'

/** The context was full. */
export interface Overflow {
  readonly policy: 'stop' | 'shift'
  /** Tokens that were dropped now, after the first `kept`; none by `stop`. */
  readonly dropped: number
  readonly kept: number
  /** Tokens that the model sees after it. */
  readonly length: number
}

/** {@link GenerateOptions}, checked. */
export interface GenerationPlan {
  readonly maxTokens: number
  readonly stopIds: ReadonlySet<number>
  readonly stopStrings: readonly string[]
  readonly sampler: Sampler
  readonly signal: AbortSignal | undefined
  readonly constraint: Constraint | undefined
  readonly logprobs: number | undefined
  readonly promptLogprobs: number | undefined
  readonly speculate: Drafter | undefined
  readonly onPrefill: ((done: number, total: number) => void) | undefined
  readonly onEncode: ((done: number, total: number) => void) | undefined
  readonly overflow: OverflowPlan
}

export interface OverflowPlan {
  readonly policy: OverflowPolicy
  readonly keep: number
  readonly onOverflow: ((event: Overflow) => void) | undefined
}

/** A search for stop strings runs at each token: far above any use, low enough to stay cheap. */
const MOST_STOPS = 64
const LONGEST_STOP = 1024

/** As many as OpenAI's API gives. */
const MOST_LOGPROBS = 20

const OVERFLOW_POLICIES: readonly OverflowPolicy[] = ['error', 'stop', 'shift']

/**
 * @param endMarks ids that always end a text
 * @param textOf the text of a token
 * @throws G3Error `generate/bad-option` or `sampling/bad-option`, naming the option and what is allowed
 */
export function parseGenerateOptions(
  options: GenerateOptions,
  endMarks: readonly number[],
  textOf?: (id: number) => string,
): GenerationPlan {
  const {
    maxTokens = Infinity,
    stop = [],
    signal,
    constraint,
    logprobs,
    promptLogprobs,
    speculate,
    onPrefill,
    onEncode,
    overflow = 'error',
    keep = PAGE,
    onOverflow,
  } = options
  const isCount = maxTokens === Infinity || (Number.isSafeInteger(maxTokens) && maxTokens >= 1)
  check(isCount, 'generate/bad-option', () => `maxTokens is ${maxTokens}; it must be a whole number from 1`)
  check(
    stop.length <= MOST_STOPS,
    'generate/bad-option',
    () => `stop has ${stop.length} entries; at most ${MOST_STOPS} are allowed`,
  )
  for (const entry of stop) {
    const fits =
      typeof entry === 'string'
        ? entry.length > 0 && entry.length <= LONGEST_STOP
        : Number.isSafeInteger(entry) && entry >= 0
    check(
      fits,
      'generate/bad-option',
      () => `stop holds ${JSON.stringify(entry)}; it takes strings of 1 to ${LONGEST_STOP} characters and ids`,
    )
  }
  check(
    OVERFLOW_POLICIES.includes(overflow),
    'generate/bad-option',
    () => `overflow is ${overflow}; it must be one of ${OVERFLOW_POLICIES.join(', ')}`,
  )
  for (const [name, count] of Object.entries({ logprobs, promptLogprobs })) {
    check(
      count === undefined || (Number.isSafeInteger(count) && count >= 0 && count <= MOST_LOGPROBS),
      'generate/bad-option',
      () => `${name} is ${count}; it must be a whole number up to ${MOST_LOGPROBS}`,
    )
  }
  const isKept = Number.isSafeInteger(keep) && keep >= 0
  check(isKept, 'generate/bad-option', () => `keep is ${keep}; it must be a whole number of tokens`)
  return {
    maxTokens,
    stopIds: new Set([...endMarks, ...stop.filter((entry) => typeof entry === 'number')]),
    stopStrings: stop.filter((entry) => typeof entry === 'string'),
    sampler: sampler(options, textOf),
    signal,
    constraint,
    logprobs,
    promptLogprobs,
    speculate,
    onPrefill,
    onEncode,
    overflow: { policy: overflow, keep: Math.ceil(keep / PAGE) * PAGE, onOverflow },
  }
}
