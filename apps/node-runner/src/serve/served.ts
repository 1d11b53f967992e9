import type { Chunk, GenerateOptions, GenerationResult, Model } from '@g3/runtime'
import { constraints, compileSchema, type Constraint, type Constraints, type Grammar } from '@g3/runtime/grammar'
import { ApiError, badRequest } from './api-error.js'
import type { Metrics } from './metrics.js'
import type { SamplingRequest } from './requests.js'
import type { FinishReason, Usage } from './responses.js'
import type { Slots } from './slots.js'

/** A model that is served. */
export interface Served {
  readonly name: string
  readonly model: Model
  readonly slots: Slots
  readonly metrics: Metrics
  /** Seconds since 1970. */
  readonly created: number
  /** Most time for an answer, the wait for a place included. */
  readonly deadlineMs: number
}

/**
 * Waits for a place, writes a text and frees the place, however it ends.
 * @throws ApiError 429, 503 of {@link Slots.claim}; the signal's reason, also where only a part was written
 */
export async function* write(
  { model, slots, metrics }: Served,
  prompt: Int32Array,
  options: GenerateOptions,
  signal: AbortSignal,
): AsyncGenerator<Chunk, GenerationResult, undefined> {
  using _ = await slots.claim(signal)
  const generation = model.generate(prompt, { ...options, signal, overflow: 'stop' })
  yield* generation
  const result = await generation.result()
  metrics.tokens.inc({ kind: 'prompt' }, result.promptTokens)
  metrics.tokens.inc({ kind: 'cached' }, result.cachedTokens)
  metrics.tokens.inc({ kind: 'generated' }, result.ids.length)
  metrics.firstToken.observe(result.prefillMs / 1000)
  if (result.stopReason === 'aborted') signal.throwIfAborted()
  return result
}

/** Ends with the client's connection, or after the deadline. */
export const until = (client: AbortSignal, deadlineMs: number): AbortSignal =>
  AbortSignal.any([client, AbortSignal.timeout(deadlineMs)])

const given = <Key extends string, Value>(key: Key, value: Value | null | undefined): { [K in Key]?: Value } =>
  value === null || value === undefined ? {} : ({ [key]: value } as { [K in Key]: Value })

/**
 * What a request says of sampling. Texts with the same seed are drawn apart: each has the next one.
 * @throws ApiError 400 for a bias of no token
 */
export function samplingOf(request: SamplingRequest, choice: number, vocabulary: number): GenerateOptions {
  const stop = request.stop ?? undefined
  const bias = request.logit_bias ?? {}
  for (const id of Object.keys(bias))
    if (Number(id) >= vocabulary)
      throw badRequest(`there is no token ${id}; ids end at ${vocabulary - 1}`, 'logit_bias')
  return {
    ...given('temperature', request.temperature),
    ...given('topP', request.top_p),
    ...given('topK', request.top_k),
    ...given('minP', request.min_p),
    ...given('repetitionPenalty', request.repetition_penalty),
    ...given('frequencyPenalty', request.frequency_penalty),
    ...given('presencePenalty', request.presence_penalty),
    ...(request.logit_bias && { logitBias: bias }),
    ...given('seed', request.seed === null || request.seed === undefined ? undefined : request.seed + choice),
    ...(stop !== undefined && { stop: typeof stop === 'string' ? [stop] : stop }),
  }
}

/** A form that a text is held to, named by what it was compiled from. */
export type Forms = (key: unknown, compile: () => Grammar) => Constraint

/** Forms that were asked for lately, ready to be used again. */
export function formCache(model: Model): Forms {
  const MOST = 32
  const known = new Map<string, Constraints>()
  return (key, compile) => {
    const text = spelled(key)
    const found = known.get(text) ?? constraints(compile(), model.vocabulary())
    known.delete(text)
    known.set(text, found)
    for (const oldest of known.keys()) {
      if (known.size <= MOST) break
      known.delete(oldest)
    }
    return found.start()
  }
}

/** @throws ApiError 400 for what lies deeper than the engine's stack */
function spelled(key: unknown): string {
  try {
    return JSON.stringify(key)
  } catch {
    throw badRequest('it is nested too deeply', 'response_format')
  }
}

export const anyObject = (): Grammar => compileSchema({ type: 'object' })

export const usageOf = (results: readonly GenerationResult[]): Usage => {
  const sum = (of: (result: GenerationResult) => number): number => results.reduce((total, one) => total + of(one), 0)
  // A prompt is counted once, however many choices are made of it.
  const [prompt, cached] = [results[0]?.promptTokens ?? 0, results[0]?.cachedTokens ?? 0]
  const generated = sum(({ ids }) => ids.length)
  return {
    prompt_tokens: prompt,
    completion_tokens: generated,
    total_tokens: prompt + generated,
    prompt_tokens_details: { cached_tokens: cached },
  }
}

export const finishOf = ({ stopReason }: GenerationResult): FinishReason => (stopReason === 'stop' ? 'stop' : 'length')

/** The same weights and code give the same text for a seed: a client may compare this. */
export const fingerprintOf = ({ name }: Served): string => `g3_${name}`

/** @throws ApiError 404 */
export function checkModel({ name }: Served, asked: string | null | undefined): void {
  if (asked === undefined || asked === null || asked === name) return
  throw new ApiError(404, 'invalid_request_error', `there is no model ${asked} here; there is ${name}`, {
    param: 'model',
    code: 'model_not_found',
  })
}
