import { check, isG3Error } from '@g3/backend'
import type { ContentPart } from '@g3/tokenizer'
import type { StopReason } from '../generate/decode.js'
import type { Generation, GenerationResult } from '../generate/generation.js'
import type { GenerateOptions } from '../generate/options.js'
import { constraints, type Constraint } from '../grammar/constraint.js'
import type { Vocabulary } from '../grammar/mask/vocabulary.js'
import { callReader, type ToolEvent } from './calls.js'
import { toolInstructions, toolOutputs, type ToolForm, type ToolResult } from './form.js'
import { toolGrammar, type ToolChoice } from './grammar.js'
import type { Tool, ToolCall } from './tool.js'
import { toolset } from './toolset.js'

/** A conversation, such as {@link Chat}. */
export interface ToolChat {
  readonly model: { vocabulary(): Vocabulary }
  system: string | undefined
  send(content: string | readonly ContentPart[], options?: GenerateOptions): Generation
}

/** What begins one, such as {@link Model}. */
export interface ToolModel {
  chat(): ToolChat
}

export interface ToolRunOptions extends Omit<GenerateOptions, 'constraint'> {
  readonly tools: readonly Tool[]
  /** How the model writes calls. Default `json`. */
  readonly form?: ToolForm
  /** Of the first step; those after it are `auto`. Default `auto`. */
  readonly choice?: ToolChoice
  /** Most calls in one answer. Default 8. */
  readonly maxCalls?: number
  /** Most answers: calls of the last one are not run. Default 8. */
  readonly maxSteps?: number
  /** Whether answers are held to text and calls that fit their schemas. Default true. */
  readonly constrained?: boolean
}

export type ToolRunEvent = { readonly step: number } & (
  ToolEvent | { readonly type: 'result'; readonly index: number; readonly call: ToolCall; readonly result: ToolResult }
)

/** An answer of the model, and what came of its calls. */
export interface ToolStep {
  /** What it says beside calls. */
  readonly text: string
  readonly calls: readonly ToolCall[]
  /** Of each call, broken ones among them, in order; none where they were not run. */
  readonly results: readonly ToolResult[]
  readonly generation: GenerationResult
}

/** Why a run is over: as its last answer, or `steps`: there were as many as allowed; `calls`: of tools without a `run`. */
export type ToolStopReason = StopReason | 'steps' | 'calls'

export interface ToolRunResult {
  /** What the last answer says beside calls. */
  readonly text: string
  readonly steps: readonly ToolStep[]
  readonly stopReason: ToolStopReason
}

/** Nothing runs before it is iterated or its result is asked for. Iterate once; leaving the loop early ends it. */
export interface ToolRun extends AsyncIterable<ToolRunEvent> {
  result(): Promise<ToolRunResult>
}

const MOST_STEPS = 1000

/**
 * Asks a model that may call tools, runs what it calls, all calls of an answer at a time, tells it the results, and so on
 * until it calls none. Unknown tools, arguments that do not fit and what a tool throws are results for the model to read.
 * The conversation's instructions tell of the tools from here on.
 * @throws G3Error at once: `tools/…`, `grammar/…` for tools that cannot be used, `generate/bad-option`; while running, as
 * `Model.generate`
 */
export function runTools(
  to: ToolModel | ToolChat,
  content: string | readonly ContentPart[],
  { tools, form = 'json', choice = 'auto', maxCalls, maxSteps = 8, constrained = true, ...options }: ToolRunOptions,
): ToolRun {
  check(
    Number.isInteger(maxSteps) && maxSteps >= 1 && maxSteps <= MOST_STEPS,
    'generate/bad-option',
    `maxSteps is ${maxSteps}; it must be a whole number from 1 to ${MOST_STEPS}`,
  )
  const { signal } = options
  const chat = 'chat' in to ? to.chat() : to
  const known = toolset(tools)
  const instructions = toolInstructions(tools, form)
  const starting = (chosen: ToolChoice): (() => Constraint) => {
    const grammar = toolGrammar(tools, { form, choice: chosen, ...(maxCalls !== undefined && { maxCalls }) })
    return () => constraints(grammar, chat.model.vocabulary()).start()
  }
  const first = constrained ? starting(choice) : undefined
  const later = constrained && choice !== 'auto' ? starting('auto') : first

  const steps: ToolStep[] = []
  async function* run(): AsyncGenerator<ToolRunEvent, ToolRunResult, undefined> {
    if (!chat.system?.includes(instructions))
      chat.system = chat.system === undefined ? instructions : `${chat.system}\n\n${instructions}`
    let next = content
    for (let step = 0; ; step++) {
      const constraint = (step === 0 ? first : later)?.()
      const generation = chat.send(next, { ...options, ...(constraint && { constraint }) })
      const reader = callReader(tools)
      const made: (ToolCall | ToolResult)[] = []
      let text = ''
      function* take(events: readonly ToolEvent[]): Generator<ToolRunEvent, void, undefined> {
        for (const event of events) {
          if (event.type === 'text') text += event.text
          else if (event.type === 'call') made.push(event.call)
          else if (event.type === 'call-error')
            made.push({ name: 'call', value: undefined, error: event.error.message })
          yield { ...event, step }
        }
      }
      for await (const chunk of generation) yield* take(reader.push(chunk.text))
      yield* take(reader.end())
      const answer = await generation.result()
      const calls = made.filter(isCall)
      const end = (stopReason: ToolStopReason, results: readonly ToolResult[] = []): ToolRunResult => ({
        text,
        stopReason,
        steps: [...steps, { text, calls, results, generation: answer }],
      })
      if (made.length === 0 || answer.stopReason !== 'stop') return end(answer.stopReason)
      if (calls.some(({ name }) => tools.some((tool) => tool.name === name && tool.run === undefined)))
        return end('calls')
      if (step + 1 >= maxSteps) return end('steps')

      const results = await unlessAborted(
        Promise.all(made.map((one) => (isCall(one) ? resultOf(one, () => known.run(one, signal)) : one))),
        signal,
      )
      if (results === undefined) return end('aborted')
      for (const [index, call] of made.entries())
        if (isCall(call)) yield { type: 'result', step, index, call, result: results[index] }
      steps.push({ text, calls, results, generation: answer })
      next = toolOutputs(results)
    }
  }

  return iterable(run(), () => ({ text: steps.at(-1)?.text ?? '', steps, stopReason: 'aborted' }))
}

const isCall = (made: ToolCall | ToolResult): made is ToolCall => 'arguments' in made

async function resultOf({ name }: ToolCall, work: () => Promise<unknown>): Promise<ToolResult> {
  try {
    return { name, value: await work() }
  } catch (error) {
    return { name, value: undefined, error: messageOf(error) }
  }
}

const messageOf = (error: unknown): string =>
  isG3Error(error) ? error.message : error instanceof Error ? `${error.name}: ${error.message}` : String(error)

/** What a promise comes to, or undefined as soon as the signal says so: a tool need not listen. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T | undefined> {
  if (signal === undefined) return work
  const aborted = Promise.withResolvers<undefined>()
  const stop = (): void => aborted.resolve(undefined)
  signal.addEventListener('abort', stop)
  try {
    if (signal.aborted) return undefined
    const found = await Promise.race([work, aborted.promise])
    return signal.aborted ? undefined : found
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/**
 * A generator's values for whoever iterates, and what it returns for whoever asks.
 * @param left what it has come to where the loop was left
 */
function iterable(running: AsyncGenerator<ToolRunEvent, ToolRunResult, undefined>, left: () => ToolRunResult): ToolRun {
  const outcome = Promise.withResolvers<ToolRunResult>()
  outcome.promise.catch(() => {})
  let started = false
  async function* events(): AsyncGenerator<ToolRunEvent, void, undefined> {
    let isDone = false
    try {
      const result = yield* running
      isDone = true
      outcome.resolve(result)
    } catch (error) {
      isDone = true
      outcome.reject(error)
      throw error
    } finally {
      if (!isDone) outcome.resolve(left())
    }
  }
  const all = events()
  return {
    [Symbol.asyncIterator]() {
      started = true
      return all
    },
    async result() {
      if (!started) for await (const _ of this);
      return outcome.promise
    },
  }
}
