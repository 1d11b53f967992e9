import { randomUUID } from 'node:crypto'
import { createRoute, type OpenAPIHono } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { chatJob, writeChoice, type Choice } from './chat-completions.js'
import { completionJob, writeText, type WrittenText } from './completions.js'
import { chatRequest, completionRequest } from './requests.js'
import * as answers from './responses.js'
import { answered, json } from './route-parts.js'
import { all, running } from './running.js'
import { checkModel, fingerprintOf, usageOf, type Forms, type Served } from './served.js'
import { sendEvents } from './stream.js'
import type { App } from './app.js'

const chatRoute = createRoute({
  method: 'post',
  path: '/v1/chat/completions',
  request: { body: { required: true, content: json(chatRequest) } },
  responses: answered(answers.chatCompletion, 'The answer, or its pieces as events where `stream` is true'),
})

const completionRoute = createRoute({
  method: 'post',
  path: '/v1/completions',
  request: { body: { required: true, content: json(completionRequest) } },
  responses: answered(answers.completion, 'Texts that go on from the prompts, or their pieces as events'),
})

const silent = async (): Promise<void> => {}

/** The routes that write text. */
export function generateRoutes(
  app: OpenAPIHono<App>,
  served: Served,
  forms: Forms,
  note: (c: Context<App>, problem: unknown) => void,
): void {
  const head = (prefix: string, object: string) => ({
    id: `${prefix}-${randomUUID().replaceAll('-', '')}`,
    object,
    created: Math.floor(Date.now() / 1000),
    model: served.name,
    system_fingerprint: fingerprintOf(served),
  })

  app.openapi(chatRoute, async (c) => {
    const request = c.req.valid('json')
    checkModel(served, request.model)
    const { signal, stop } = running(served, c)
    const job = await chatJob(served, request, forms, signal)
    const common = head('chatcmpl', 'chat.completion.chunk')
    const indices = Array.from({ length: job.choices }, (_, index) => index)
    const withUsage = request.stream_options?.include_usage ?? false

    if (!request.stream) {
      const choices = await all(
        stop,
        indices.map((index) => writeChoice(served, job, index, signal, silent)),
      )
      const body = {
        ...common,
        object: 'chat.completion' as const,
        choices: choices.map((choice, index) => wholeChoice(choice, index, request.logprobs === true)),
        usage: usageOf(choices.map(({ result }) => result)),
      }
      return c.json(body, 200)
    }
    return sendEvents(c, {
      claim: () => served.slots.claim(signal),
      stop,
      note: (problem) => note(c, problem),
      end: '[DONE]',
      write: async (send, place) => {
        const usage = withUsage ? { usage: null } : {}
        const piece = (index: number, delta: object, logprobs: object | null, finish: string | null): Promise<void> =>
          send({ ...common, choices: [{ index, delta, logprobs, finish_reason: finish }], ...usage })
        const choices = await all(
          stop,
          indices.map(async (index) => {
            await piece(index, { role: 'assistant', content: '', refusal: null }, null, null)
            const tell = (delta: object, logprobs: readonly object[]): Promise<void> =>
              piece(index, delta, logprobs.length > 0 ? { content: logprobs, refusal: null } : null, null)
            const choice = await writeChoice(served, job, index, signal, tell, index === 0 ? place : undefined)
            await piece(index, {}, null, choice.finish)
            return choice
          }),
        )
        if (withUsage) await send({ ...common, choices: [], usage: usageOf(choices.map(({ result }) => result)) })
      },
    })
  })

  app.openapi(completionRoute, async (c) => {
    const request = c.req.valid('json')
    checkModel(served, request.model)
    const { signal, stop } = running(served, c)
    const { texts } = completionJob(served, request)
    const common = { ...head('cmpl', 'text_completion'), object: 'text_completion' as const }

    if (!request.stream) {
      const written = await all(
        stop,
        texts.map((text) => writeText(served, text, signal, silent)),
      )
      const choices = written.map(({ text, logprobs, finish }, index) => ({
        index,
        text,
        logprobs,
        finish_reason: finish,
      }))
      return c.json({ ...common, choices, usage: completionUsage(written, request.n ?? 1) }, 200)
    }
    return sendEvents(c, {
      claim: () => served.slots.claim(signal),
      stop,
      note: (problem) => note(c, problem),
      end: '[DONE]',
      write: async (send, place) => {
        const written = await all(
          stop,
          texts.map(async (each, index) => {
            const tell = (text: string, logprobs: object | null): Promise<void> =>
              send({ ...common, choices: [{ index, text, logprobs, finish_reason: null }] })
            const done = await writeText(served, each, signal, tell, index === 0 ? place : undefined)
            await send({ ...common, choices: [{ index, text: '', logprobs: null, finish_reason: done.finish }] })
            return done
          }),
        )
        if (request.stream_options?.include_usage)
          await send({ ...common, choices: [], usage: completionUsage(written, request.n ?? 1) })
      },
    })
  })
}

const wholeChoice = ({ content, calls, logprobs, finish }: Choice, index: number, isRanked: boolean) => ({
  index,
  message: {
    role: 'assistant' as const,
    content: content === '' && calls.length > 0 ? null : content,
    refusal: null,
    ...(calls.length > 0 && { tool_calls: [...calls] }),
  },
  logprobs: isRanked ? { content: [...logprobs], refusal: null } : null,
  finish_reason: finish,
})

/** Each prompt is counted once. */
function completionUsage(written: readonly WrittenText[], choices: number): answers.Usage {
  const prompts = Array.from({ length: written.length / choices }, (_, i) =>
    written.slice(i * choices, (i + 1) * choices),
  )
  return prompts
    .map((texts) => usageOf(texts.map(({ result }) => result)))
    .reduce((sum, one) => ({
      prompt_tokens: sum.prompt_tokens + one.prompt_tokens,
      completion_tokens: sum.completion_tokens + one.completion_tokens,
      total_tokens: sum.total_tokens + one.total_tokens,
      prompt_tokens_details: {
        cached_tokens: sum.prompt_tokens_details.cached_tokens + one.prompt_tokens_details.cached_tokens,
      },
    }))
}
