import { z } from '@hono/zod-openapi'

/** What is answered. */

export const usage = z
  .object({
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    total_tokens: z.int(),
    prompt_tokens_details: z.object({ cached_tokens: z.int() }),
  })
  .openapi('Usage')
export type Usage = z.infer<typeof usage>

const topLogprob = z.object({ token: z.string(), logprob: z.number(), bytes: z.array(z.int()) })
const tokenLogprob = topLogprob.extend({ top_logprobs: z.array(topLogprob) })
export type TokenLogprob = z.infer<typeof tokenLogprob>

const call = z.object({
  id: z.string(),
  type: z.literal('function'),
  function: z.object({ name: z.string(), arguments: z.string() }),
})
export type CalledTool = z.infer<typeof call>

export const finishReason = z.enum(['stop', 'length', 'tool_calls'])
export type FinishReason = z.infer<typeof finishReason>

export const chatCompletion = z
  .object({
    id: z.string(),
    object: z.literal('chat.completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        message: z.object({
          role: z.literal('assistant'),
          content: z.string().nullable(),
          refusal: z.null(),
          tool_calls: z.array(call).optional(),
        }),
        logprobs: z.object({ content: z.array(tokenLogprob), refusal: z.null() }).nullable(),
        finish_reason: finishReason,
      }),
    ),
    usage,
    system_fingerprint: z.string(),
  })
  .openapi('ChatCompletion')

export const completion = z
  .object({
    id: z.string(),
    object: z.literal('text_completion'),
    created: z.int(),
    model: z.string(),
    choices: z.array(
      z.object({
        index: z.int(),
        text: z.string(),
        logprobs: z
          .object({
            tokens: z.array(z.string()),
            token_logprobs: z.array(z.number().nullable()),
            top_logprobs: z.array(z.record(z.string(), z.number()).nullable()),
            text_offset: z.array(z.int()),
          })
          .nullable(),
        finish_reason: finishReason,
      }),
    ),
    usage,
    system_fingerprint: z.string(),
  })
  .openapi('Completion')
export type Completion = z.infer<typeof completion>

const itemStatus = z.enum(['in_progress', 'completed', 'incomplete'])
const outputText = z.object({
  type: z.literal('output_text'),
  text: z.string(),
  annotations: z.array(z.unknown()),
  logprobs: z.array(tokenLogprob),
})
export type OutputText = z.infer<typeof outputText>

const outputItem = z.union([
  z.object({
    type: z.literal('message'),
    id: z.string(),
    status: itemStatus,
    role: z.literal('assistant'),
    content: z.array(outputText),
  }),
  z.object({
    type: z.literal('function_call'),
    id: z.string(),
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
    status: itemStatus,
  }),
])
export type OutputItem = z.infer<typeof outputItem>

export const response = z
  .object({
    id: z.string(),
    object: z.literal('response'),
    created_at: z.int(),
    status: z.enum(['in_progress', 'completed', 'incomplete', 'failed']),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    incomplete_details: z.object({ reason: z.literal('max_output_tokens') }).nullable(),
    instructions: z.string().nullable(),
    metadata: z.record(z.string(), z.string()),
    model: z.string(),
    output: z.array(outputItem),
    parallel_tool_calls: z.boolean(),
    previous_response_id: z.null(),
    store: z.literal(false),
    temperature: z.number().nullable(),
    text: z.object({ format: z.record(z.string(), z.unknown()) }),
    tool_choice: z.unknown(),
    tools: z.array(z.record(z.string(), z.unknown())),
    top_logprobs: z.int(),
    top_p: z.number().nullable(),
    usage: z
      .object({
        input_tokens: z.int(),
        input_tokens_details: z.object({ cached_tokens: z.int() }),
        output_tokens: z.int(),
        output_tokens_details: z.object({ reasoning_tokens: z.int() }),
        total_tokens: z.int(),
      })
      .nullable(),
  })
  .openapi('Response')
export type ResponseBody = z.infer<typeof response>

export const model = z
  .object({
    id: z.string(),
    object: z.literal('model'),
    created: z.int(),
    owned_by: z.string(),
    context: z.int().openapi({ description: 'Tokens that prompt and answer may have together. Not in OpenAI’s API.' }),
    images: z.boolean().openapi({ description: 'Whether it sees images. Not in OpenAI’s API.' }),
  })
  .openapi('Model')

export const models = z.object({ object: z.literal('list'), data: z.array(model) }).openapi('Models')

export const tokens = z
  .object({
    tokens: z.union([z.array(z.int()), z.array(z.object({ id: z.int(), piece: z.string() }))]),
  })
  .openapi('Tokens')

export const content = z.object({ content: z.string() }).openapi('Content')
export const prompt = z.object({ prompt: z.string() }).openapi('Prompt')

export const health = z.object({ status: z.enum(['ok', 'draining']) }).openapi('Health')

export const error = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .openapi('Error')

/** One of the stream's. */
export const eventStream = z
  .object({
    event: z.string().optional().openapi({ description: 'The type, where the protocol names it.' }),
    data: z.string().openapi({ description: 'A chunk of the answer as JSON; at the end `[DONE]`, but of responses.' }),
  })
  .openapi('ServerSentEvent')
