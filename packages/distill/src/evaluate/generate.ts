import type { ChatMessage } from '@g3/tokenizer'
import { share, type Estimated } from './intervals.js'
import { checkAny, type EvaluateOptions, type Subject } from './subject.js'

/** How an answer is judged, see {@link JUDGES}. */
export type Metric = 'exact' | 'math' | 'json'

export interface GenerateItem {
  /** Plain text, or turns, of which the model's is to come. */
  readonly prompt: string | readonly ChatMessage[]
  /** What it should write; for `json` only where the value matters. */
  readonly answer?: string | undefined
}

export interface GenerateEvaluation extends EvaluateOptions {
  /** Default `exact`. */
  readonly metric?: Metric
  /** Most tokens of an answer. Default 256. */
  readonly maxTokens?: number
  /** Where an answer ends, for base models: `['\n']`. */
  readonly stop?: readonly string[]
}

export interface Written {
  readonly text: string
  readonly right: boolean
}

export interface Answers {
  readonly accuracy: Estimated
  readonly items: readonly Written[]
}

/** Lets a model write, the likeliest token always, and judges what it wrote. @throws G3Error `evaluate/nothing` */
export async function generate(
  model: Subject,
  items: readonly GenerateItem[],
  { metric = 'exact', maxTokens = 256, stop = [], signal, onProgress }: GenerateEvaluation = {},
): Promise<Answers> {
  checkAny(items.length, 'items')
  const written: Written[] = []
  for (const { prompt, answer } of items) {
    signal?.throwIfAborted()
    const running = model.generate(prompt, { temperature: 0, maxTokens, stop, ...(signal && { signal }) })
    const { text } = await running.result()
    signal?.throwIfAborted()
    written.push({ text, right: JUDGES[metric](text, answer) })
    onProgress?.(written.length, items.length)
  }
  return { accuracy: share(written.filter(({ right }) => right).length, written.length), items: written }
}

type Judge = (text: string, answer: string | undefined) => boolean

/**
 * `exact`: the same text but for white space around it. `math`: the same last number, as GSM8K is judged. `json`: JSON, and where
 * an answer is given, of the same value.
 */
const JUDGES: Readonly<Record<Metric, Judge>> = {
  exact: (text, answer) => text.trim() === answer?.trim(),
  math: (text, answer) => answer !== undefined && lastNumber(text) === lastNumber(answer),
  json(text, answer) {
    const value = parsed(text)
    return value !== undefined && (answer === undefined || canonical(value) === canonical(parsed(answer)))
  },
}

/** NaN, which equals nothing, where there is none. */
function lastNumber(text: string): number {
  const [last = ''] = text.match(/-?\d[\d,]*(?:\.\d+)?/g)?.slice(-1) ?? []
  return last === '' ? NaN : Number(last.replaceAll(',', ''))
}

/** Of a text that may stand in a fence. */
function parsed(text: string): unknown {
  const [, fenced] = /^\s*```(?:json)?\s*\n([\s\S]*?)\n?```\s*$/.exec(text) ?? []
  try {
    return JSON.parse(fenced ?? text)
  } catch {
    return undefined
  }
}

/** The order of members says nothing. */
const canonical = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
