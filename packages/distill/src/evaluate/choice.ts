import { check } from '@g3/backend'
import type { ChatMessage } from '@g3/tokenizer'
import { logSumExp } from '../log-sum-exp.js'
import { share, type Estimated } from './intervals.js'
import { checkAny, type EvaluateOptions, type Subject } from './subject.js'

/** A question and texts that may go on from it, the right one by its place. */
export interface ChoiceItem {
  /** Plain text, or turns, of which the model's is to come. */
  readonly prompt: string | readonly ChatMessage[]
  readonly choices: readonly string[]
  readonly answer: number
}

/** What the model makes of one item. */
export interface Chosen {
  /** Log-likelihood of each choice after the prompt. */
  readonly logLikelihoods: readonly number[]
  /** The likeliest; the first of equals. */
  readonly choice: number
  /** The likeliest for its length in characters. */
  readonly normalised: number
  /** How much less likely the second is, in nats: near ties go either way with the last bit. */
  readonly margin: number
  readonly answer: number
}

export interface Choices {
  /** Share of items whose likeliest choice is right: lm-eval's `acc`. */
  readonly accuracy: Estimated
  /** The same by the log-likelihood for each character: lm-eval's `acc_norm`. */
  readonly normalisedAccuracy: Estimated
  readonly items: readonly Chosen[]
}

/**
 * Picks the likeliest of some continuations, by the conventions of EleutherAI's lm-evaluation-harness (`multiple_choice`): spaces at
 * the end of a prompt belong to its continuations, and where those begin is told by the tokens of the prompt alone.
 * @throws G3Error `evaluate/bad-item`, `evaluate/nothing`
 */
export async function choice(
  model: Subject,
  items: readonly ChoiceItem[],
  { signal, onProgress }: EvaluateOptions = {},
): Promise<Choices> {
  checkAny(items.length, 'items')
  const done: Chosen[] = []
  for (const [number, item] of items.entries()) {
    const { choices, answer } = item
    const isAnswer = Number.isInteger(answer) && answer >= 0 && answer < choices.length
    check(
      isAnswer,
      'evaluate/bad-item',
      () => `item ${number + 1} names choice ${answer} of ${choices.length} as right; the first is 0`,
    )
    const logLikelihoods: number[] = []
    for (const text of choices) logLikelihoods.push(await logLikelihood(model, item.prompt, text, number, signal))
    const lengths = choices.map((text) => text.length)
    const [first, second = -Infinity] = [...logLikelihoods].sort((a, b) => b - a)
    done.push({
      logLikelihoods,
      choice: largest(logLikelihoods),
      normalised: largest(logLikelihoods.map((value, i) => value / lengths[i])),
      margin: first - second,
      answer,
    })
    onProgress?.(number + 1, items.length)
  }
  const right = (pick: (item: Chosen) => number): Estimated =>
    share(done.filter((item) => pick(item) === item.answer).length, done.length)
  return { accuracy: right((item) => item.choice), normalisedAccuracy: right((item) => item.normalised), items: done }
}

async function logLikelihood(
  model: Subject,
  prompt: ChoiceItem['prompt'],
  text: string,
  number: number,
  signal: AbortSignal | undefined,
): Promise<number> {
  const [ids, first] = joined(model, prompt, text)
  check(
    first < ids.length,
    'evaluate/bad-item',
    () => `a choice of item ${number + 1} adds no token to its prompt: it must not be empty`,
  )
  let sum = 0
  await model.scores(
    ids.subarray(0, -1),
    (position, logits) => {
      sum += logits[ids[position + 1]] - logSumExp(logits)
    },
    { signal, from: first - 1 },
  )
  return sum
}

/** @returns the ids of both, and where the choice begins */
function joined(model: Subject, prompt: ChoiceItem['prompt'], text: string): readonly [Int32Array, number] {
  if (typeof prompt !== 'string') {
    const turns = model.encode(prompt)
    return [model.encode(text, turns), turns.length]
  }
  return [model.encode(prompt + text), model.encode(prompt.trimEnd()).length]
}

const largest = (values: readonly number[]): number => values.indexOf(Math.max(...values))
