import { decode, newProgress, type Chunk, type Progress, type StopReason } from './decode.js'
import type { Claim, Engines } from './engines.js'
import type { TokenLogProbabilities } from './logprobs.js'
import type { GenerationPlan } from './options.js'

export interface GenerationResult {
  /** All text, equal to the chunks' texts put together. */
  readonly text: string
  /** The generated ids, without the end mark. A stop string's tokens are among them. */
  readonly ids: readonly number[]
  readonly stopReason: StopReason
  readonly promptTokens: number
  /** How many of the prompt's tokens were in the cache already. */
  readonly cachedTokens: number
  /** From the start to the first token. */
  readonly prefillMs: number
  /** From the first token to the last. */
  readonly decodeMs: number
  /** Prompt tokens read for each second up to the first token; 0 when no token came. */
  readonly prefillTokensPerSecond: number
  /** Tokens after the first for each second; 0 when there was at most one. */
  readonly decodeTokensPerSecond: number
  /**
   * How likely each of the prompt's tokens was, where that was asked for; undefined for the first, which follows nothing,
   * and for images.
   */
  readonly promptLogprobs?: readonly (TokenLogProbabilities | undefined)[]
  /** The seed in use: with it and the same options the same ids come again. */
  readonly seed: number
}

/**
 * Text in the making. Nothing runs before it is iterated or its result is asked for. Iterate once; leaving the loop
 * early ends the generation.
 */
export interface Generation extends AsyncIterable<Chunk> {
  /** Runs to the end, or waits for whoever iterates, and tells how it went. Throws what the generation threw. */
  result(): Promise<GenerationResult>
}

type Outcome = { readonly result: GenerationResult } | { readonly error: unknown }

function summary(progress: Progress, promptTokens: number, seed: number): GenerationResult {
  const { text, ids, stopReason, cachedTokens, promptLogprobs } = progress
  const prefillMs = progress.first - progress.start
  const decodeMs = progress.latest - progress.first
  return {
    text,
    ids,
    stopReason,
    promptTokens,
    cachedTokens,
    prefillMs,
    decodeMs,
    prefillTokensPerSecond: prefillMs > 0 ? ((promptTokens - cachedTokens) / prefillMs) * 1000 : 0,
    decodeTokensPerSecond: decodeMs > 0 ? ((ids.length - 1) / decodeMs) * 1000 : 0,
    ...(promptLogprobs && { promptLogprobs }),
    seed,
  }
}

/** @param onEnd called once, before the caller learns of the end; without a result when the generation threw */
export function generation(
  engines: Engines,
  prompt: Int32Array,
  plan: GenerationPlan,
  onEnd: (result: GenerationResult | undefined) => void = () => {},
): Generation {
  const settled = Promise.withResolvers<Outcome>()
  let started = false

  async function* run(): AsyncGenerator<Chunk, void, undefined> {
    const progress = newProgress()
    let claim: Claim | undefined
    let failure: { readonly error: unknown } | undefined
    try {
      claim = engines.claim(prompt)
      yield* decode(claim.engine, prompt, plan, progress)
    } catch (error) {
      failure = { error }
      throw error
    } finally {
      claim?.release()
      const outcome = failure ?? { result: summary(progress, prompt.length, plan.sampler.sampling.seed) }
      onEnd('result' in outcome ? outcome.result : undefined)
      settled.resolve(outcome)
    }
  }

  const chunks = run()
  return {
    [Symbol.asyncIterator]() {
      started = true
      return chunks
    },
    async result() {
      if (!started) for await (const _ of this);
      const outcome = await settled.promise
      if ('error' in outcome) throw outcome.error
      return outcome.result
    },
  }
}
