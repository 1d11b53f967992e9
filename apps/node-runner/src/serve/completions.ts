import type { Chunk, GenerateOptions, GenerationResult } from '@g3/runtime'
import { badRequest } from './api-error.js'
import { isEnd, joinLogprobs, legacyLogprobs, promptLogprobs, tokenLogprob, type Logprobs } from './logprobs.js'
import type { CompletionRequest } from './requests.js'
import type { FinishReason, TokenLogprob } from './responses.js'
import { checkFits, finishOf, samplingOf, write, type Served } from './served.js'

/** OpenAI's own default. */
const MOST_TOKENS = 16

/** A completion request: `n` texts of each prompt, prompt after prompt. */
export interface CompletionJob {
  /** `isRead`: the prompt only, nothing is written. */
  readonly texts: readonly {
    readonly ids: Int32Array
    readonly echo: string
    readonly isRead: boolean
    readonly options: GenerateOptions
  }[]
}

export interface WrittenText {
  readonly text: string
  readonly logprobs: Logprobs | null
  readonly finish: FinishReason
  readonly result: GenerationResult
}

/** @throws ApiError 400 */
export function completionJob({ model }: Served, request: CompletionRequest): CompletionJob {
  const scored = request.echo ? (request.logprobs ?? undefined) : undefined
  // They are known once the text is whole, and a stream would have sent the prompt by then.
  if (scored !== undefined && request.stream)
    throw badRequest('echo with logprobs cannot be streamed: leave one of stream, echo, logprobs out', 'stream')
  const prompts = promptsOf(request.prompt).map((prompt) =>
    typeof prompt === 'string' ? model.encode(prompt) : Int32Array.from(prompt),
  )
  if (request.max_tokens === 0 && !request.echo)
    throw badRequest('max_tokens 0 without echo would answer nothing: ask for a token, or for echo', 'max_tokens')
  for (const ids of prompts) {
    checkFits(model, ids, 'prompt')
    const unknown = ids.find((id) => id >= model.tokenizer.size)
    if (unknown !== undefined)
      throw badRequest(`there is no token ${unknown}; ids end at ${model.tokenizer.size - 1}`, 'prompt')
  }
  const choices = request.n ?? 1
  const texts = prompts.flatMap((ids, place) =>
    Array.from({ length: choices }, (_, choice) => ({
      ids,
      isRead: request.max_tokens === 0,
      echo: request.echo ? model.tokenizer.decode(ids, { skipSpecial: true }) : '',
      options: {
        ...samplingOf(request, place * choices + choice, model.tokenizer.size),
        // The runtime writes one at least.
        maxTokens: Math.max(1, request.max_tokens ?? MOST_TOKENS),
        ...(typeof request.logprobs === 'number' && { logprobs: request.logprobs }),
        ...(scored !== undefined && { promptLogprobs: scored }),
      },
    })),
  )
  return { texts }
}

function promptsOf(prompt: CompletionRequest['prompt']): readonly (string | readonly number[])[] {
  if (typeof prompt === 'string') return [prompt]
  const isOne = typeof prompt[0] === 'number'
  return isOne ? [prompt as number[]] : (prompt as (string | number[])[])
}

/** Writes one text, and tells `listen` of it as it comes. */
export async function writeText(
  served: Served,
  { ids, echo, isRead, options }: CompletionJob['texts'][number],
  signal: AbortSignal,
  listen: (text: string, logprobs: Logprobs | null) => Promise<void>,
  place?: Disposable,
): Promise<WrittenText> {
  const all: TokenLogprob[] = []
  let text = echo
  if (echo !== '') await listen(echo, null)
  const take = async ({ text: piece, id, logprobs }: Chunk): Promise<void> => {
    if (isRead) return
    const one =
      logprobs && id !== undefined && !isEnd(served.model, id) ? tokenLogprob(served.model, logprobs) : undefined
    if (one) all.push(one)
    if (piece !== '' || one) await listen(piece, one ? legacyLogprobs([one], text.length) : null)
    text += piece
  }
  const result = await write(served, ids, options, signal, take, place)
  const written = options.logprobs === undefined ? null : legacyLogprobs(all, echo.length)
  const before = result.promptLogprobs && promptLogprobs(served.model, ids, result.promptLogprobs)
  return {
    text,
    logprobs: written && before ? joinLogprobs(before, written) : written,
    finish: isRead ? 'length' : finishOf(result),
    result: isRead ? { ...result, ids: result.ids.slice(0, 0) } : result,
  }
}
