import { randomUUID } from 'node:crypto'
import { badRequest, type ApiError } from './api-error.js'
import type { Choice } from './chat-completions.js'
import { OUTPUT_LOGPROBS, type ChatRequest, type InputItem, type Message, type ResponsesRequest } from './requests.js'
import type { OutputItem, OutputText, ResponseBody, TokenLogprob } from './responses.js'
import { usageOf, type Served } from './served.js'

/** The Responses API in terms of chats: what differs is how things are called. */

export const newId = (prefix: string): string => `${prefix}_${randomUUID().replaceAll('-', '')}`

/** @throws ApiError 400 for what chats cannot say */
export function chatRequestOf(request: ResponsesRequest): ChatRequest {
  const { input, instructions, tools, tool_choice: choice, text } = request
  const items: readonly InputItem[] = typeof input === 'string' ? [{ role: 'user', content: input }] : input
  const system: Message[] = instructions ? [{ role: 'system', content: instructions }] : []
  const format = text?.format
  const isRanked = request.include?.includes(OUTPUT_LOGPROBS) ?? false
  if (request.top_logprobs && !isRanked)
    throw badRequest(`top_logprobs needs include: ["${OUTPUT_LOGPROBS}"]`, 'top_logprobs')
  return {
    messages: [...system, ...items.map(messageOf)],
    ...(request.max_output_tokens && { max_completion_tokens: request.max_output_tokens }),
    temperature: request.temperature,
    top_p: request.top_p,
    seed: request.seed,
    parallel_tool_calls: request.parallel_tool_calls,
    ...(isRanked && { logprobs: true, top_logprobs: request.top_logprobs }),
    ...(tools && { tools: tools.map(({ type, ...definition }) => ({ type, function: definition })) }),
    ...(choice && {
      tool_choice: typeof choice === 'string' ? choice : { type: 'function', function: { name: choice.name } },
    }),
    ...(format && {
      response_format:
        format.type === 'json_schema' ? { type: 'json_schema', json_schema: format } : { type: format.type },
    }),
  }
}

function messageOf(item: InputItem, place: number): Message {
  if (item.type === 'function_call') {
    const called = {
      id: item.call_id,
      type: 'function' as const,
      function: { name: item.name, arguments: item.arguments },
    }
    return { role: 'assistant', tool_calls: [called] }
  }
  if (item.type === 'function_call_output') return { role: 'tool', tool_call_id: item.call_id, content: item.output }
  const { role, content } = item
  if (role !== 'user') return { role, content: typeof content === 'string' ? content : textOf(content, place) }
  if (typeof content === 'string') return { role, content }
  const parts = content.map((part) =>
    part.type === 'input_image'
      ? { type: 'image_url' as const, image_url: { url: part.image_url } }
      : { type: 'text' as const, text: part.text },
  )
  return { role, content: parts }
}

type Parts = Exclude<Extract<InputItem, { content: unknown }>['content'], string>

/** Only users show images. */
const textOf = (parts: Parts, place: number): string =>
  parts
    .map((part, i) => {
      if (part.type !== 'input_image') return part.text
      throw badRequest(
        'only messages of the user can have images: move it to one of those',
        `input.${place}.content.${i}`,
      )
    })
    .join('')

export const outputText = (text: string, logprobs: readonly TokenLogprob[]): OutputText => ({
  type: 'output_text',
  text,
  annotations: [],
  logprobs: [...logprobs],
})

/** What a response is before it has anything. */
export const begunResponse = ({ name }: Served, request: ResponsesRequest): ResponseBody => ({
  id: newId('resp'),
  object: 'response',
  created_at: Math.floor(Date.now() / 1000),
  status: 'in_progress',
  error: null,
  incomplete_details: null,
  instructions: request.instructions ?? null,
  metadata: request.metadata ?? {},
  model: name,
  output: [],
  parallel_tool_calls: request.parallel_tool_calls ?? true,
  previous_response_id: null,
  store: false,
  temperature: request.temperature ?? null,
  text: { format: { ...(request.text?.format ?? { type: 'text' }) } },
  tool_choice: request.tool_choice ?? 'auto',
  tools: (request.tools ?? []).map((tool) => ({ ...tool })),
  top_logprobs: request.top_logprobs ?? 0,
  top_p: request.top_p ?? null,
  usage: null,
})

export function endedResponse(
  begun: ResponseBody,
  { finish, result }: Choice,
  output: readonly OutputItem[],
): ResponseBody {
  const usage = usageOf([result])
  const isCut = finish === 'length'
  return {
    ...begun,
    status: isCut ? 'incomplete' : 'completed',
    incomplete_details: isCut ? { reason: 'max_output_tokens' } : null,
    output: [...output],
    usage: {
      input_tokens: usage.prompt_tokens,
      input_tokens_details: usage.prompt_tokens_details,
      output_tokens: usage.completion_tokens,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: usage.total_tokens,
    },
  }
}

/** @param output what was whole before it failed */
export const failedResponse = (
  begun: ResponseBody,
  { status, message }: ApiError,
  output: readonly OutputItem[],
): ResponseBody => ({
  ...begun,
  status: 'failed',
  error: { code: status >= 500 ? 'server_error' : 'invalid_prompt', message },
  output: [...output],
})
