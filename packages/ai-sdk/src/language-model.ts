import type {
  LanguageModelV4,
  LanguageModelV4CallOptions,
  LanguageModelV4Content,
  LanguageModelV4GenerateResult,
  LanguageModelV4StreamPart,
  LanguageModelV4Usage,
} from '@ai-sdk/provider'
import { answerParts } from './answer.js'
import { readCall } from './call.js'
import { writer, type G3Model } from './constrained.js'
import { readPrompt } from './prompt.js'

export interface G3Settings {
  /** What the model is called in reports. Default: what its file calls it. */
  readonly modelId?: string
}

/**
 * A model of `@g3/runtime`, in this thread or in a worker, as a language model of the AI SDK, specification v4. It stays yours:
 * dispose of it when nobody asks it any more. It answers one call at a time, or as many as it was loaded with sequences.
 * @throws from its functions: G3Error as `Model.generate`, `grammar/…` for schemas that cannot be enforced;
 * UnsupportedFunctionalityError for files that are no images or texts; the signal's reason
 */
export function g3(model: G3Model, { modelId = model.name }: G3Settings = {}): LanguageModelV4 {
  const write = writer(model)

  async function* parts(call: LanguageModelV4CallOptions): AsyncGenerator<LanguageModelV4StreamPart, void, undefined> {
    const { abortSignal: signal, includeRawChunks: raw = false } = call
    signal?.throwIfAborted()
    const { options, constraint, tools, form, ...told } = readCall(call)
    const warnings = [...told.warnings]
    const prompt = await readPrompt(call.prompt, model, { ...told, form, options }, warnings)
    yield { type: 'stream-start', warnings }
    yield { type: 'response-metadata', modelId, timestamp: new Date() }
    yield* answerParts(write(prompt, options, constraint), { tools, form, raw, signal })
  }

  return {
    specificationVersion: 'v4',
    provider: 'g3',
    modelId,
    // The AI SDK fetches what a message only names.
    supportedUrls: {},
    doGenerate: (call) => whole(parts(call)),
    async doStream(call) {
      const running = parts(call)
      // What is wrong with the call, and with reading its prompt, is thrown here and not within the stream.
      const head: LanguageModelV4StreamPart[] = []
      for (let isAnswer = false; !isAnswer;) {
        const { done, value } = await running.next()
        if (done) break
        head.push(value)
        isAnswer = value.type !== 'stream-start' && value.type !== 'response-metadata'
      }
      return { stream: streamOf(head, running) }
    },
  }
}

type Parts = AsyncGenerator<LanguageModelV4StreamPart, void, undefined>

/** The model writes as fast as somebody reads, and stops when nobody does any more. */
function streamOf(head: readonly LanguageModelV4StreamPart[], rest: Parts): ReadableStream<LanguageModelV4StreamPart> {
  async function* all(): Parts {
    yield* head
    yield* rest
  }
  const parts = all()
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await parts.next()
        if (done) controller.close()
        else controller.enqueue(value)
      },
      async cancel() {
        await parts.return()
        await rest.return()
      },
    },
    { highWaterMark: 0 },
  )
}

const NO_USAGE: LanguageModelV4Usage = {
  inputTokens: { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
  outputTokens: { total: undefined, text: undefined, reasoning: undefined },
}

/** All parts of an answer put together. */
async function whole(parts: Parts): Promise<LanguageModelV4GenerateResult> {
  const content: LanguageModelV4Content[] = []
  let text = ''
  let result: LanguageModelV4GenerateResult = {
    content,
    warnings: [],
    usage: NO_USAGE,
    finishReason: { unified: 'other', raw: undefined },
  }
  for await (const part of parts) {
    switch (part.type) {
      case 'stream-start':
        result = { ...result, warnings: part.warnings }
        break
      case 'response-metadata': {
        const { type: _, ...response } = part
        result = { ...result, response }
        break
      }
      case 'text-delta':
        text += part.delta
        break
      case 'text-end':
        content.push({ type: 'text', text })
        text = ''
        break
      case 'tool-call':
        content.push(part)
        break
      case 'finish': {
        const { type: _, ...end } = part
        result = { ...result, ...end }
        break
      }
      default:
        // The beginnings and pieces of what comes whole, too.
        break
    }
  }
  return result
}
