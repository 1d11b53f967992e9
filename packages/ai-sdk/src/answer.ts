import type {
  LanguageModelV4FinishReason,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
  SharedV4ProviderMetadata,
} from '@ai-sdk/provider'
import type { Chunk, Generation, GenerationResult, StopReason } from '@g3/runtime'
import { callReader, type Tool, type ToolEvent, type ToolForm } from '@g3/runtime/tools'

export interface AnswerOptions {
  readonly tools: readonly Tool[]
  readonly form: ToolForm
  /** Whether each chunk is told as it came, too. */
  readonly raw: boolean
  readonly signal: AbortSignal | undefined
}

/**
 * A generation as parts of an AI SDK stream, from its first text to its end.
 * @throws the signal's reason; what the generation throws
 */
export async function* answerParts(
  generation: Generation,
  { tools, form, raw, signal }: AnswerOptions,
): AsyncGenerator<LanguageModelV4StreamPart, void, undefined> {
  const reader = tools.length === 0 ? undefined : callReader(tools)
  const tell = teller(form)
  const logprobs: NonNullable<Chunk['logprobs']>[] = []
  const read = (text: string): readonly ToolEvent[] => (reader ? reader.push(text) : [{ type: 'text', text }])
  for await (const chunk of generation) {
    if (raw) yield { type: 'raw', rawValue: chunk }
    if (chunk.logprobs) logprobs.push(chunk.logprobs)
    yield* tell.events(read(chunk.text))
  }
  const result = await generation.result()
  if (result.stopReason === 'aborted') signal?.throwIfAborted()
  if (reader) yield* tell.events(reader.end())
  yield* tell.end()
  yield {
    type: 'finish',
    usage: usageOf(result),
    finishReason: finishOf(result.stopReason, tell.calls() > 0),
    providerMetadata: metadataOf(result, logprobs),
  }
}

/** Puts texts into blocks, and calls into theirs. */
function teller(form: ToolForm) {
  const run = idOf()
  /** Of the text that is open. */
  let text: string | undefined
  /** Calls that were begun and are not whole, by their index. */
  const open = new Map<number, string>()
  let texts = 0
  let calls = 0

  function* endText(): Generator<LanguageModelV4StreamPart, void, undefined> {
    if (text !== undefined) yield { type: 'text-end', id: text }
    text = undefined
  }
  function* endCall(index: number): Generator<LanguageModelV4StreamPart, void, undefined> {
    const id = open.get(index)
    open.delete(index)
    if (id !== undefined) yield { type: 'tool-input-end', id }
  }
  function* say(delta: string): Generator<LanguageModelV4StreamPart, void, undefined> {
    if (delta === '') return
    if (text === undefined) {
      text = `text-${texts++}`
      yield { type: 'text-start', id: text }
    }
    yield { type: 'text-delta', id: text, delta }
  }
  function* one(event: ToolEvent): Generator<LanguageModelV4StreamPart, void, undefined> {
    switch (event.type) {
      case 'text':
        return yield* say(event.text)
      case 'call-start': {
        yield* endText()
        const id = `${run}-${event.index}`
        open.set(event.index, id)
        yield { type: 'tool-input-start', id, toolName: event.name }
        return
      }
      case 'call-delta': {
        const id = open.get(event.index)
        // In other forms the pieces are Python's: what they mean is told when the call is whole.
        if (id !== undefined && form === 'json') yield { type: 'tool-input-delta', id, delta: event.text }
        return
      }
      case 'call': {
        const id = open.get(event.index) ?? `${run}-${event.index}`
        const input = JSON.stringify(event.call.arguments)
        if (form !== 'json') yield { type: 'tool-input-delta', id, delta: input }
        yield* endCall(event.index)
        calls++
        yield { type: 'tool-call', toolCallId: id, toolName: event.call.name, input }
        return
      }
      case 'call-error':
        // What is no call after all, or was cut off, is what the model said.
        yield* endCall(event.index)
        return yield* say(event.raw)
      default:
        return event satisfies never
    }
  }
  return {
    *events(events: readonly ToolEvent[]): Generator<LanguageModelV4StreamPart, void, undefined> {
      for (const event of events) yield* one(event)
    },
    *end(): Generator<LanguageModelV4StreamPart, void, undefined> {
      yield* endText()
      for (const index of [...open.keys()]) yield* endCall(index)
    },
    calls: () => calls,
  }
}

/** Calls are told apart across answers. */
const idOf = (): string =>
  `call-${Array.from(crypto.getRandomValues(new Uint32Array(2)), (word) => word.toString(36)).join('')}`

const usageOf = ({ promptTokens, cachedTokens, ids }: GenerationResult): LanguageModelV4Usage => ({
  inputTokens: {
    total: promptTokens,
    noCache: promptTokens - cachedTokens,
    cacheRead: cachedTokens,
    cacheWrite: undefined,
  },
  outputTokens: { total: ids.length, text: ids.length, reasoning: 0 },
})

function finishOf(raw: StopReason, hasCalls: boolean): LanguageModelV4FinishReason {
  switch (raw) {
    case 'stop':
      return { unified: hasCalls ? 'tool-calls' : 'stop', raw }
    case 'length':
    case 'context':
      return { unified: 'length', raw }
    case 'aborted':
      return { unified: 'interrupted', raw }
    default:
      return raw satisfies never
  }
}

const metadataOf = (
  { seed, prefillMs, decodeMs }: GenerationResult,
  logprobs: readonly NonNullable<Chunk['logprobs']>[],
): SharedV4ProviderMetadata => ({
  g3: {
    seed,
    prefillMs,
    decodeMs,
    ...(logprobs.length > 0 && {
      logprobs: logprobs.map(({ id, logprob, top }) => ({ id, logprob, top: top.map((each) => ({ ...each })) })),
    }),
  },
})
