import { isG3Error } from '@g3/backend'
import { constraints, type Constraint } from '../grammar/constraint.js'
import type { Grammar } from '../grammar/part.js'
import type { Vocabulary } from '../grammar/mask/vocabulary.js'
import { compileRegex } from '../grammar/regex/grammar.js'
import { compileSchema } from '../grammar/schema/compile.js'
import { domError } from './errors.js'
import type { CreateCoreOptions, LanguageModelParams, PromptOptions, SamplingMode } from './types.js'

/** Gemma 3's own settings, and as far as others make sense. */
export const PARAMS: LanguageModelParams = { defaultTopK: 64, maxTopK: 128, defaultTemperature: 1, maxTemperature: 2 }

export interface Sampling {
  readonly topK: number
  readonly temperature: number
}

const MODES: Readonly<Record<SamplingMode, Sampling>> = {
  'most-predictable': { topK: 1, temperature: 0 },
  predictable: { topK: 32, temperature: 0.5 },
  balanced: { topK: PARAMS.defaultTopK, temperature: PARAMS.defaultTemperature },
  creative: { topK: PARAMS.maxTopK, temperature: 1.3 },
  'most-creative': { topK: PARAMS.maxTopK, temperature: 1.6 },
}

/** @throws TypeError, RangeError. Values above the largest count as that. */
export function samplingOf({ topK, temperature, samplingMode }: CreateCoreOptions): Sampling {
  if (samplingMode !== undefined) {
    if (topK !== undefined || temperature !== undefined)
      throw new TypeError('samplingMode cannot be given beside topK or temperature')
    if (!Object.hasOwn(MODES, samplingMode)) throw new TypeError(`there is no samplingMode ${samplingMode}`)
    return MODES[samplingMode]
  }
  if (topK !== undefined && !(topK >= 1)) throw new RangeError(`topK is ${topK}; it must be 1 at least`)
  if (temperature !== undefined && !(temperature >= 0))
    throw new RangeError(`temperature is ${temperature}; it must be 0 at least`)
  return {
    topK: Math.min(Math.floor(topK ?? PARAMS.defaultTopK), PARAMS.maxTopK),
    temperature: Math.min(temperature ?? PARAMS.defaultTemperature, PARAMS.maxTemperature),
  }
}

/** What is asked for that a model does not do; undefined where it does all. */
export function unsupportedBy(
  { seesImages }: { readonly seesImages: boolean },
  { expectedInputs = [], expectedOutputs = [] }: CreateCoreOptions,
): string | undefined {
  for (const { type } of expectedInputs) {
    if (type === 'image' && !seesImages) return 'this model was loaded without an image encoder'
    if (type !== 'text' && type !== 'image') return `the model reads no ${type}`
  }
  const other = expectedOutputs.find(({ type }) => type !== 'text')
  return other && `the model writes text, and no ${other.type}`
}

/**
 * A constraint for an answer.
 * @throws DOMException `NotSupportedError` for what cannot be enforced, `SyntaxError` for what is no schema or pattern
 */
export function answerConstraint(
  constraint: PromptOptions['responseConstraint'],
  vocabulary: () => Vocabulary,
): Constraint | undefined {
  if (constraint === undefined) return undefined
  if (typeof constraint !== 'object' || constraint === null)
    throw new TypeError('responseConstraint is a JSON Schema or a RegExp')
  return constraints(grammarOf(constraint), vocabulary()).start()
}

function grammarOf(constraint: object): Grammar {
  try {
    if (!(constraint instanceof RegExp)) return compileSchema(constraint)
    if (constraint.flags !== '') throw domError('NotSupportedError', `flags of ${constraint} are not supported`)
    return compileRegex(constraint.source)
  } catch (error) {
    if (!isG3Error(error)) throw error
    const isWrong = error.code === 'grammar/bad-schema' || error.code === 'grammar/bad-regex'
    throw domError(isWrong ? 'SyntaxError' : 'NotSupportedError', `${error.message} (${error.code})`)
  }
}

/** What tells the model of the form of its answer. */
export function constraintText({ responseConstraint, omitResponseConstraintInput }: PromptOptions): string | undefined {
  if (responseConstraint === undefined || omitResponseConstraintInput === true) return undefined
  return responseConstraint instanceof RegExp
    ? `Answer with a text that matches ${responseConstraint}.`
    : `Answer with JSON of this schema: ${JSON.stringify(responseConstraint)}`
}
