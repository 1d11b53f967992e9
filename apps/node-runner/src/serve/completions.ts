import type { Chunk, GenerateOptions, GenerationResult } from '@g3/runtime'
import { isEnd, tokenLogprob } from './logprobs.js'
import type { CompletionRequest } from './requests.js'
import type { Completion, FinishReason, TokenLogprob } from './responses.js'
import { checkFits, finishOf, samplingOf, write, type Served } from './served.js'

/** OpenAI's own default. */
const MOST_TOKENS = 16

/** A completion request: `n` texts of each prompt, prompt after prompt. */
export interface CompletionJob {
  readonly texts: readonly { readonly ids: Int32Array; readonly echo: string; readonly options: GenerateOptions }[]
}

type Logprobs = NonNullable<Completion['choices'][number]['logprobs']>

export interface WrittenText {
  readonly text: string
  readonly logprobs: Logprobs | null
  readonly finish: FinishReason
  readonly result: GenerationResult
}

export function completionJob({ model }: Served, request: CompletionRequest): CompletionJob {
  const prompts = promptsOf(request.prompt).map((prompt) =>
    typeof prompt === 'string' ? model.encode(prompt) : Int32Array.from(prompt),
  )
  for (const ids of prompts) checkFits(model, ids, 'prompt')
  const choices = request.n ?? 1
  const texts = prompts.flatMap((ids, place) =>
    Array.from({ length: choices }, (_, choice) => ({
      ids,
      echo: request.echo ? model.tokenizer.decode(ids, { skipSpecial: true }) : '',
      options: {
        ...samplingOf(request, place * choices + choice, model.tokenizer.size),
        maxTokens: request.max_tokens ?? MOST_TOKENS,
        ...(typeof request.logprobs === 'number' && { logprobs: request.logprobs }),
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
  { ids, echo, options }: CompletionJob['texts'][number],
  signal: AbortSignal,
  listen: (text: string, logprobs: Logprobs | null) => Promise<void>,
  place?: Disposable,
): Promise<WrittenText> {
  const all: TokenLogprob[] = []
  let text = echo
  if (echo !== '') await listen(echo, null)
  const take = async ({ text: piece, id, logprobs }: Chunk): Promise<void> => {
    const one =
      logprobs && id !== undefined && !isEnd(served.model, id) ? tokenLogprob(served.model, logprobs) : undefined
    if (one) all.push(one)
    if (piece !== '' || one) await listen(piece, one ? legacy([one], text.length) : null)
    text += piece
  }
  const result = await write(served, ids, options, signal, take, place)
  const logprobs = options.logprobs === undefined ? null : legacy(all, echo.length)
  return { text, logprobs, finish: finishOf(result), result }
}

/** The form that log-probabilities have in completions. */
function legacy(all: readonly TokenLogprob[], begin: number): Logprobs {
  const offsets: number[] = []
  let from = begin
  for (const { token } of all) {
    offsets.push(from)
    from += token.length
  }
  return {
    tokens: all.map(({ token }) => token),
    token_logprobs: all.map(({ logprob }) => logprob),
    top_logprobs: all.map(({ top_logprobs }) =>
      Object.fromEntries(top_logprobs.map(({ token, logprob }) => [token, logprob])),
    ),
    text_offset: offsets,
  }
}
