import { check } from '@g3/backend'
import type { Model } from '@g3/runtime'
import { textField, type NamedRow } from '../data/json-lines.js'
import { messagesField } from '../data/messages.js'
import { random } from '../random.js'
import type { Example, Wanted } from '../student/rows.js'
import { sampledTargets, topTargets, type Targets } from './draw-targets.js'

export interface SignalOptions {
  /** Draws for each position. Default 256. */
  readonly samples?: number
  /** Instead of draws the so many likeliest tokens, exactly; as many as the vocabulary has: the full softmax. */
  readonly top?: number
  /** What the teacher sees before each text, and the student does not. */
  readonly prompt?: string
  /** Most tokens that the teacher writes where a line has no completion. Default 128. */
  readonly maxTokens?: number
  /** Where what it writes ends. */
  readonly stop?: readonly string[]
  /** Default 0. */
  readonly seed?: number
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

type Teacher = Pick<Model, 'encode' | 'scores' | 'generate' | 'tokenizer' | 'context'>

/**
 * What a teacher makes of the lines of a file: after each token of a completion, and after the prompt before it, its own probabilities. A line
 * is `{text}`, `{prompt, completion}` or `{messages}`; without a completion, or a last turn of the model's, the teacher writes it.
 * @throws G3Error `distill/bad-data`, `distill/too-long`, `distill/bad-option`, what the model throws; the signal's reason
 */
export async function teach(
  model: Teacher,
  lines: readonly NamedRow[],
  options: SignalOptions = {},
): Promise<readonly Example[]> {
  const { samples = 256, top, maxTokens = 128, stop = [], seed = 0, signal, onProgress } = options
  for (const [name, value, most] of [
    ['samples', samples, 65_536],
    ['top', top ?? 1, model.tokenizer.size],
    ['maxTokens', maxTokens, model.context],
  ] as const) {
    const fits = Number.isSafeInteger(value) && value >= 1 && value <= most
    check(fits, 'distill/bad-option', () => `${name} is ${value}; it must be a whole number from 1 to ${most}`)
  }
  const rng = random(seed)
  const targetsOf = (logits: Float32Array): Targets =>
    top === undefined ? sampledTargets(logits, samples, rng) : topTargets(logits, top)
  const examples: Example[] = []
  for (const line of lines) {
    signal?.throwIfAborted()
    const seen = beginnings(model, line, options.prompt ?? '')
    const completion = seen.completion ?? (await written(seen.teacher))
    check(
      completion !== '',
      'distill/bad-data',
      () => `${line.where}: there is nothing to learn, the completion is empty`,
    )
    const learned = model.tokenizer.encode(completion)
    const ids = Int32Array.of(...seen.student, ...learned)
    const teacherIds = Int32Array.of(...seen.teacher, ...learned)
    check(
      teacherIds.length <= model.context,
      'distill/too-long',
      () =>
        `${line.where} has ${teacherIds.length} tokens for the teacher, whose context is ${model.context}: load it with more, or shorten it`,
    )
    const shift = seen.teacher.length - seen.student.length
    const wanted: Wanted[] = []
    const note = (position: number, logits: Float32Array): void =>
      void wanted.push({ position: position - shift, ...targetsOf(logits.subarray(0, model.tokenizer.size)) })
    await model.scores(teacherIds, note, { signal, from: seen.teacher.length - 1 })
    examples.push({ ids, wanted })
    onProgress?.(examples.length, lines.length)
  }
  return examples

  async function written(before: Int32Array): Promise<string> {
    const running = model.generate(before, { temperature: 0, maxTokens, stop, ...(signal && { signal }) })
    return (await running.result()).text
  }
}

interface Beginnings {
  readonly student: Int32Array
  readonly teacher: Int32Array
  readonly completion: string | undefined
}

/** What comes before the completion. */
function beginnings(model: Teacher, line: NamedRow, prompt: string): Beginnings {
  const { row } = line
  if (row.messages !== undefined) {
    const messages = messagesField(line)
    const last = messages.at(-1)
    const isAnswered = last?.role === 'assistant' || last?.role === 'model'
    const asked = isAnswered ? messages.slice(0, -1) : messages
    const completion = isAnswered && typeof last.content === 'string' ? last.content.trim() : undefined
    const told = prompt === '' ? asked : [{ role: 'system', content: prompt }, ...asked]
    return { student: model.encode(asked), teacher: model.encode(told), completion }
  }
  if (row.prompt !== undefined) {
    const asked = textField(line, 'prompt')
    const completion = row.completion === undefined ? undefined : textField(line, 'completion')
    return { student: model.encode(asked), teacher: model.encode(prompt + asked), completion }
  }
  return { student: model.encode(''), teacher: model.encode(prompt), completion: textField(line, 'text') }
}
