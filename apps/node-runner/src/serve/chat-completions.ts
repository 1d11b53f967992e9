import { randomUUID } from 'node:crypto'
import type { Chunk, GenerateOptions, GenerationResult } from '@g3/runtime'
import { callReader, toolInstructions, toolsFromJson, type Tool, type ToolChoice } from '@g3/runtime/tools'
import type { ConstraintText } from '@g3/runtime/worker'
import { badRequest } from './api-error.js'
import { isEnd, tokenLogprob } from './logprobs.js'
import { turnsOf } from './messages.js'
import type { ChatRequest } from './requests.js'
import type { CalledTool, FinishReason, TokenLogprob } from './responses.js'
import { checkFits, finishOf, samplingOf, write, type Forms, type Served } from './served.js'

/** A chat request that is ready to be answered, as often as it asks. */
export interface ChatJob {
  readonly ids: Int32Array
  readonly tools: readonly Tool[]
  readonly choices: number
  options(choice: number): GenerateOptions
}

/** What is told of a choice while it is written. */
export type ChoiceDelta =
  | { readonly content: string }
  | {
      readonly tool_calls: readonly {
        readonly index: number
        readonly id?: string
        readonly type?: 'function'
        readonly function: { readonly name?: string; readonly arguments: string }
      }[]
    }

export interface Choice {
  readonly content: string
  readonly calls: readonly CalledTool[]
  readonly logprobs: readonly TokenLogprob[]
  readonly finish: FinishReason
  readonly result: GenerationResult
}

/** @throws ApiError 400, G3Error for what cannot be compiled or encoded */
export async function chatJob(
  served: Pick<Served, 'model' | 'fetchImage'>,
  request: ChatRequest,
  forms: Forms,
  signal: AbortSignal,
): Promise<ChatJob> {
  const choice = toolChoice(request)
  const tools = choice === 'none' ? [] : toolsOf(request)
  const instructions = tools.length > 0 ? [toolInstructions(tools)] : []
  const { model } = served
  const turns = await turnsOf(served, request.messages, instructions, signal)
  const { response_format: format } = request
  if (tools.length > 0 && format && format.type !== 'text')
    throw badRequest('tools and a response_format cannot be had at a time', 'response_format')
  const limit = request.max_completion_tokens ?? request.max_tokens
  const likelihoods = request.logprobs ? (request.top_logprobs ?? 0) : undefined
  if (!request.logprobs && request.top_logprobs) throw badRequest('top_logprobs needs logprobs', 'top_logprobs')

  const text = constraintOf(request, tools, choice)
  // Whatever is wrong with it is said before anything is written.
  const form = text && forms(text)
  const ids = model.encode(turns)
  checkFits(model, ids, 'messages')
  return {
    ids,
    tools,
    choices: request.n ?? 1,
    options: (index) => ({
      ...samplingOf(request, index, model.tokenizer.size),
      ...(limit && { maxTokens: limit }),
      ...(likelihoods !== undefined && { logprobs: likelihoods }),
      ...(form && { constraint: form.start() }),
    }),
  }
}

/** What the answer is held to. */
function constraintOf(
  { response_format: format, parallel_tool_calls: parallel }: ChatRequest,
  tools: readonly Tool[],
  choice: ToolChoice,
): ConstraintText | undefined {
  if (tools.length > 0) return { tools, choice, ...(parallel === false && { maxCalls: 1 }) }
  if (format?.type === 'json_object') return { schema: ANY_OBJECT }
  return format?.type === 'json_schema' ? { schema: format.json_schema.schema ?? ANY_OBJECT } : undefined
}

const ANY_OBJECT = { type: 'object' }

function toolsOf({ tools }: ChatRequest): readonly Tool[] {
  // A null of the client's is what it left out.
  const given = (tools ?? []).map(({ function: { name, description, parameters } }) => ({
    name,
    ...(description && { description }),
    ...(parameters && { parameters }),
  }))
  return toolsFromJson(given)
}

function toolChoice({ tools, tool_choice: choice }: ChatRequest): ToolChoice {
  if (!tools?.length) {
    if (choice && choice !== 'none' && choice !== 'auto') throw badRequest('tool_choice needs tools', 'tool_choice')
    return 'none'
  }
  if (!choice) return 'auto'
  return typeof choice === 'string' ? choice : { name: choice.function.name }
}

/** Writes one choice, and tells `listen` of it as it comes; who listens may take its time. */
export async function writeChoice(
  served: Served,
  job: ChatJob,
  index: number,
  signal: AbortSignal,
  listen: (delta: ChoiceDelta, logprobs: readonly TokenLogprob[]) => Promise<void>,
  place?: Disposable,
): Promise<Choice> {
  const reader = job.tools.length > 0 ? callReader(job.tools) : undefined
  const calls: CalledTool[] = []
  const callIds: string[] = []
  const logprobs: TokenLogprob[] = []
  let untold: TokenLogprob[] = []
  let content = ''

  const tell = async (delta: ChoiceDelta): Promise<void> => {
    const told = untold
    untold = []
    await listen(delta, told)
  }
  const say = async (text: string): Promise<void> => {
    if (text === '') return
    content += text
    await tell({ content: text })
  }
  const take = async (events: ReturnType<NonNullable<typeof reader>['push']>): Promise<void> => {
    for (const event of events) {
      if (event.type === 'text') await say(event.text)
      else if (event.type === 'call-start') {
        const id = `call_${randomUUID().replaceAll('-', '').slice(0, 24)}`
        callIds[event.index] = id
        const called = { name: event.name, arguments: '' }
        await tell({ tool_calls: [{ index: event.index, id, type: 'function', function: called }] })
      } else if (event.type === 'call-delta') {
        await tell({ tool_calls: [{ index: event.index, function: { arguments: event.text } }] })
      } else if (event.type === 'call') {
        const { name, arguments: args } = event.call
        calls.push({ id: callIds[event.index], type: 'function', function: { name, arguments: JSON.stringify(args) } })
      }
    }
  }

  const hear = async ({ text, id, logprobs: likelihoods }: Chunk): Promise<void> => {
    if (likelihoods && id !== undefined && !isEnd(served.model, id)) {
      const one = tokenLogprob(served.model, likelihoods)
      logprobs.push(one)
      untold.push(one)
    }
    await (reader ? take(reader.push(text)) : say(text))
  }
  const result = await write(served, job.ids, job.options(index), signal, hear, place)
  if (reader) await take(reader.end())
  // A token at the end that is only a part of a character has no text.
  if (untold.length > 0 && calls.length === 0) await tell({ content: '' })
  const finish = calls.length > 0 && result.stopReason === 'stop' ? 'tool_calls' : finishOf(result)
  return { content, calls, logprobs, finish, result }
}
