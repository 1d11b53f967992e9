import { z } from '@hono/zod-openapi'

/** Request bodies, as OpenAI's API has them. What is not named here is ignored. */

const MOST_CHOICES = 16
const MOST_STOPS = 16

const stop = z.union([z.string().min(1), z.array(z.string().min(1)).max(MOST_STOPS)]).nullish()

/** What completions and chats have in common. */
const sampling = {
  model: z.string().nullish().openapi({ description: 'A name from /v1/models; the only one where it is left out.' }),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.int().min(1).max(MOST_CHOICES).nullish(),
  stop,
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER).nullish(),
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  top_k: z
    .int()
    .min(0)
    .max(1 << 20)
    .nullish()
    .openapi({ description: 'Not in OpenAI’s API.' }),
  min_p: z.number().min(0).lt(1).nullish().openapi({ description: 'Not in OpenAI’s API.' }),
  repetition_penalty: z.number().min(0.01).max(10).nullish().openapi({ description: 'Not in OpenAI’s API.' }),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  logit_bias: z
    .record(z.string().regex(/^\d{1,7}$/), z.number().min(-100).max(100))
    .nullish()
    .openapi({ type: 'object', additionalProperties: { type: 'number', minimum: -100, maximum: 100 } }),
  max_tokens: z
    .int()
    .min(1)
    .max(1 << 20)
    .nullish(),
  user: z.string().nullish(),
}

const textPart = z.object({ type: z.literal('text'), text: z.string() })
const imagePart = z.object({
  type: z.literal('image_url'),
  image_url: z.object({ url: z.string().openapi({ description: 'A data URL.' }), detail: z.string().nullish() }),
})
const texts = z.union([z.string(), z.array(textPart)])

const toolCall = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string() }),
})

export const message = z.discriminatedUnion('role', [
  z.object({ role: z.enum(['system', 'developer']), content: texts }),
  z.object({
    role: z.literal('user'),
    content: z.union([z.string(), z.array(z.discriminatedUnion('type', [textPart, imagePart])).min(1)]),
  }),
  z.object({ role: z.literal('assistant'), content: texts.nullish(), tool_calls: z.array(toolCall).nullish() }),
  z.object({ role: z.literal('tool'), content: texts, tool_call_id: z.string() }),
])
export type Message = z.infer<typeof message>

const functionTool = z.object({
  type: z.literal('function'),
  function: z.object({
    name: z.string(),
    description: z.string().nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish(),
    strict: z.boolean().nullish(),
  }),
})

export const responseFormat = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text') }),
  z.object({ type: z.literal('json_object') }),
  z.object({
    type: z.literal('json_schema'),
    json_schema: z.object({
      name: z.string(),
      description: z.string().nullish(),
      schema: z.record(z.string(), z.unknown()).nullish(),
      strict: z.boolean().nullish(),
    }),
  }),
])

const MOST_MESSAGES = 4096

const topLogprobs = z.int().min(0).max(20).nullish()

export const chatRequest = z
  .object({
    ...sampling,
    messages: z.array(message).min(1).max(MOST_MESSAGES),
    max_completion_tokens: z
      .int()
      .min(1)
      .max(1 << 20)
      .nullish(),
    logprobs: z.boolean().nullish(),
    top_logprobs: topLogprobs,
    response_format: responseFormat.nullish(),
    tools: z.array(functionTool).max(128).nullish(),
    tool_choice: z
      .union([
        z.enum(['none', 'auto', 'required']),
        z.object({ type: z.literal('function'), function: z.object({ name: z.string() }) }),
      ])
      .nullish(),
    parallel_tool_calls: z.boolean().nullish(),
  })
  .openapi('ChatCompletionRequest')
export type ChatRequest = z.infer<typeof chatRequest>

const ids = z
  .array(
    z
      .int()
      .min(0)
      .max(1 << 24),
  )
  .min(1)
const MOST_PROMPTS = 64

export const completionRequest = z
  .object({
    ...sampling,
    prompt: z.union([
      z.string(),
      ids,
      z.array(z.string()).min(1).max(MOST_PROMPTS),
      z.array(ids).min(1).max(MOST_PROMPTS),
    ]),
    max_tokens: z
      .int()
      .min(0)
      .max(1 << 20)
      .nullish()
      .openapi({ description: '0 only with echo: the prompt is told, and nothing is written.' }),
    echo: z
      .boolean()
      .nullish()
      .openapi({ description: 'With logprobs, also how likely the prompt was; that is not streamed.' }),
    logprobs: z.int().min(0).max(20).nullish(),
  })
  .openapi('CompletionRequest')
export type CompletionRequest = z.infer<typeof completionRequest>

export type SamplingRequest = Pick<ChatRequest, Exclude<keyof typeof sampling, 'model' | 'user'>>

const inputContent = z.union([
  z.string(),
  z.array(
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('input_text'), text: z.string() }),
      z.object({ type: z.literal('output_text'), text: z.string() }),
      z.object({
        type: z.literal('input_image'),
        image_url: z.string().openapi({ description: 'A data URL.' }),
        detail: z.string().nullish(),
      }),
    ]),
  ),
])

const inputItem = z.union([
  z.object({ type: z.literal('function_call'), call_id: z.string(), name: z.string(), arguments: z.string() }),
  z.object({ type: z.literal('function_call_output'), call_id: z.string(), output: z.string() }),
  z.object({
    type: z.literal('message').nullish(),
    role: z.enum(['user', 'assistant', 'system', 'developer']),
    content: inputContent,
  }),
])
export type InputItem = z.infer<typeof inputItem>

export const OUTPUT_LOGPROBS = 'message.output_text.logprobs'

/** What OpenAI's clients may ask for beside the answer. Only the first is anything of ours. */
const INCLUDABLE = [
  OUTPUT_LOGPROBS,
  'code_interpreter_call.outputs',
  'computer_call_output.output.image_url',
  'file_search_call.results',
  'message.input_image.image_url',
  'reasoning.encrypted_content',
  'web_search_call.action.sources',
  'web_search_call.results',
] as const

export const responsesRequest = z
  .object({
    model: sampling.model,
    input: z.union([z.string(), z.array(inputItem).min(1).max(MOST_MESSAGES)]),
    instructions: z.string().nullish(),
    max_output_tokens: z
      .int()
      .min(1)
      .max(1 << 20)
      .nullish(),
    temperature: sampling.temperature,
    top_p: sampling.top_p,
    seed: sampling.seed.openapi({ description: 'Not in OpenAI’s API.' }),
    include: z
      .array(z.enum(INCLUDABLE))
      .nullish()
      .openapi({ description: `${OUTPUT_LOGPROBS} is told; there is nothing of the others.` }),
    top_logprobs: topLogprobs,
    stream: z.boolean().nullish(),
    text: z
      .object({
        format: z
          .discriminatedUnion('type', [
            z.object({ type: z.literal('text') }),
            z.object({ type: z.literal('json_object') }),
            z.object({
              type: z.literal('json_schema'),
              name: z.string(),
              schema: z.record(z.string(), z.unknown()),
              description: z.string().nullish(),
              strict: z.boolean().nullish(),
            }),
          ])
          .nullish(),
      })
      .nullish(),
    tools: z
      .array(
        z.object({
          type: z.literal('function'),
          name: z.string(),
          description: z.string().nullish(),
          parameters: z.record(z.string(), z.unknown()).nullish(),
          strict: z.boolean().nullish(),
        }),
      )
      .max(128)
      .nullish(),
    tool_choice: z
      .union([z.enum(['none', 'auto', 'required']), z.object({ type: z.literal('function'), name: z.string() })])
      .nullish(),
    parallel_tool_calls: z.boolean().nullish(),
    previous_response_id: z
      .null()
      .optional()
      .openapi({ description: 'Nothing is stored: send the whole conversation.' }),
    store: z.boolean().nullish().openapi({ description: 'Ignored: nothing is stored.' }),
    metadata: z.record(z.string(), z.string()).nullish(),
  })
  .openapi('ResponsesRequest')
export type ResponsesRequest = z.infer<typeof responsesRequest>

export const tokenizeRequest = z
  .object({
    content: z.string(),
    add_special: z.boolean().nullish().openapi({ description: 'Begins with <bos>.' }),
    parse_special: z
      .boolean()
      .nullish()
      .openapi({ description: 'Reads markers such as <start_of_turn> as control tokens.' }),
    with_pieces: z.boolean().nullish(),
  })
  .openapi('TokenizeRequest')

export const detokenizeRequest = z
  .object({
    tokens: z.array(
      z
        .int()
        .min(0)
        .max(1 << 24),
    ),
  })
  .openapi('DetokenizeRequest')

export const templateRequest = z
  .object({ messages: z.array(message).min(1).max(MOST_MESSAGES) })
  .openapi('ApplyTemplateRequest')
