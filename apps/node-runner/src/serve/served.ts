import type { Chunk, GenerateOptions, GenerationResult, Model } from '@g3/runtime'
import type { constraintCache } from '@g3/runtime/worker'
import { ApiError, badRequest } from './api-error.js'
import type { Metrics } from './metrics.js'
import type { SamplingRequest } from './requests.js'
import type { FinishReason, Usage } from './responses.js'
import type { FetchImage } from './remote-image.js'
import type { Slots } from './slots.js'
import type { Tracing } from './tracing.js'

/** A model that is served. */
export interface Served {
  readonly name: string
  readonly model: Model
  readonly slots: Slots
  readonly metrics: Metrics
  readonly tracing?: Tracing
  /** Where images at addresses may be asked for. */
  readonly fetchImage?: FetchImage
  /** Seconds since 1970. */
  readonly created: number
  /** Most time for an answer, the wait for a place included. */
  readonly deadlineMs: number
}

/**
 * Waits for a place, writes a text and frees the place, however it ends.
 * @param take gets what is written as it comes, and may take its time
 * @param place one that was waited for already
 * @throws ApiError 429, 503 of {@link Slots.claim}; the signal's reason, also where only a part was written; what `take` throws
 */
export async function write(
  { name, model, slots, metrics, tracing }: Served,
  prompt: Int32Array,
  options: GenerateOptions,
  signal: AbortSignal,
  take: (chunk: Chunk) => Promise<void>,
  place?: Disposable,
): Promise<GenerationResult> {
  const start = performance.now()
  using _ = place ?? (await slots.claim(signal))
  let counted = 0
  const generate = async (): Promise<GenerationResult> => {
    const generation = model.generate(prompt, { ...options, signal, overflow: 'stop' })
    let hasToken = false
    for await (const chunk of generation) {
      // Counted while they come, so that rates are true of long answers, too. The latest may be an end mark, which is none of them.
      if (hasToken) {
        metrics.tokens.inc({ kind: 'generated' })
        counted++
      }
      hasToken = chunk.id !== undefined
      await take(chunk)
    }
    return generation.result()
  }
  const result = await (tracing ? tracing.generation(name, generate) : generate())
  metrics.tokens.inc({ kind: 'prompt' }, result.promptTokens)
  metrics.tokens.inc({ kind: 'cached' }, result.cachedTokens)
  metrics.tokens.inc({ kind: 'generated' }, result.ids.length - counted)
  metrics.firstToken.observe(result.prefillMs / 1000)
  if (result.stopReason === 'aborted') signal.throwIfAborted()
  metrics.recent.add({ firstTokenMs: result.prefillMs, answerMs: performance.now() - start })
  return result
}

/** Ends with the client's connection, or after the deadline. */
export const until = (client: AbortSignal, deadlineMs: number): AbortSignal =>
  AbortSignal.any([client, AbortSignal.timeout(deadlineMs)])

/** @throws ApiError 400 `context_length_exceeded`, before a status has gone out */
export function checkFits({ context }: Model, ids: Int32Array, param: string): void {
  if (ids.length <= context) return
  const message = `the prompt has ${ids.length} tokens and the context ${context}: shorten it, or serve with a larger --context`
  throw badRequest(message, param, 'context_length_exceeded')
}

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

/** Compiles what texts are held to, and keeps what was asked for lately. */
export type Forms = ReturnType<typeof constraintCache>

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

/** Names the model. */
export const fingerprintOf = ({ name }: Served): string => `g3_${name}`

/** @throws ApiError 404 */
export function checkModel({ name }: Served, asked: string | null | undefined): void {
  if (asked === undefined || asked === null || asked === name) return
  throw new ApiError(404, 'invalid_request_error', `there is no model ${asked} here; there is ${name}`, {
    param: 'model',
    code: 'model_not_found',
  })
}
