import { InMemorySpanExporter, NodeTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-node'
import type { Model } from '@g3/runtime'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { testApp, tinyModel } from './testing/tiny-app.js'
import { openTracing, type Tracing } from './tracing.js'

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
let model: Model
let tracing: Tracing | undefined
beforeAll(async () => {
  provider.register()
  tracing = await openTracing()
  model = await tinyModel(2)
})
afterAll(async () => {
  await provider.shutdown()
  await model[Symbol.asyncDispose]()
})
beforeEach(() => exporter.reset())

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const CALLER = 'b7ad6b7169203331'

const ask = (body: object): Request =>
  new Request('http://g3/v1/chat/completions', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', traceparent: `00-${TRACE}-${CALLER}-01` },
    body: JSON.stringify({ messages: [{ role: 'user', content: 'hello' }], max_tokens: 4, seed: 1, ...body }),
  })

const app = (options: { readonly deadlineMs?: number } = {}) =>
  testApp(model, { ...options, ...(tracing && { tracing }) })

/** Name and parent's name of each span, in the order of their ends. */
function tree(): readonly string[] {
  const spans = exporter.getFinishedSpans()
  const names = new Map(spans.map((span) => [span.spanContext().spanId, span.name]))
  return spans.map(
    ({ name, parentSpanContext: parent }) => `${name} < ${names.get(parent?.spanId ?? '') ?? parent?.spanId}`,
  )
}

it('tells of a request, the wait for a slot, the prompt and the answer, in the trace of who asks', async () => {
  const { usage } = await (await app().fetch(ask({}))).json()
  expect(tree()).toEqual([
    'wait for a slot < POST /v1/chat/completions',
    'prefill < generate_content tiny',
    'decode < generate_content tiny',
    'generate_content tiny < POST /v1/chat/completions',
    `POST /v1/chat/completions < ${CALLER}`,
  ])
  const spans = exporter.getFinishedSpans()
  expect(new Set(spans.map((span) => span.spanContext().traceId))).toEqual(new Set([TRACE]))
  expect(spans[3].attributes).toMatchObject({
    'gen_ai.request.model': 'tiny',
    'gen_ai.usage.input_tokens': usage.prompt_tokens,
    'gen_ai.usage.output_tokens': usage.completion_tokens,
  })
  expect(spans[4].attributes).toMatchObject({ 'http.route': '/v1/chat/completions', 'http.response.status_code': 200 })
  expect(JSON.stringify(spans.map(({ attributes, events }) => [attributes, events]))).not.toContain('hello')
})

it('keeps a stream’s text in its request’s trace', async () => {
  await (await app().fetch(ask({ stream: true }))).text()
  expect(tree()).toEqual(expect.arrayContaining(['generate_content tiny < POST /v1/chat/completions']))
})

it('names what went wrong, without its message', async () => {
  const { eos, endOfTurn = eos } = model.tokenizer
  const endless = { max_tokens: 900, logit_bias: { [eos]: -100, [endOfTurn]: -100 } }
  expect((await app({ deadlineMs: 30 }).fetch(ask(endless))).status).toBe(504)
  const request = exporter.getFinishedSpans().find(({ name }) => name.startsWith('POST'))
  expect(request?.attributes).toMatchObject({ 'error.type': '504', 'http.response.status_code': 504 })
  expect(request?.status).toEqual({ code: 2 })
})

it('does nothing where the package is not installed, and hides no other failure', async () => {
  const failing = (code: string) => openTracing(() => Promise.reject(Object.assign(new Error(code), { code })))
  expect(await failing('ERR_MODULE_NOT_FOUND')).toBeUndefined()
  await expect(failing('ERR_OTHER')).rejects.toThrow('ERR_OTHER')
})
