import type { Attributes, Span } from '@opentelemetry/api'
import type { GenerationResult } from '@g3/runtime'
import type { Context } from 'hono'
import { routePath } from 'hono/route'
import { apiError } from './api-error.js'
import type { Slots } from './slots.js'

/** Spans of OpenTelemetry: how long what took. No prompt, answer or message of an error is in them. */
export interface Tracing {
  /** A request, until its answer or the first event of it is there; it goes on with the trace that its headers name. */
  request(c: Context, next: () => Promise<void>): Promise<void>
  wait<T>(work: () => Promise<T>): Promise<T>
  /** A text, with what was read and what was written as spans of their own. */
  generation(model: string, write: () => Promise<GenerationResult>): Promise<GenerationResult>
}

/** The API alone does nothing: whoever wants spans registers an SDK, with `node --import`. */
const load = () => import('@opentelemetry/api')

/** Undefined where the package is not installed. */
export async function openTracing(loadApi: typeof load = load): Promise<Tracing | undefined> {
  const api = await loadApi().catch((problem: NodeJS.ErrnoException) => {
    if (problem.code === 'ERR_MODULE_NOT_FOUND') return undefined
    throw problem
  })
  if (api === undefined) return undefined
  const { context, propagation, SpanKind, SpanStatusCode, trace } = api
  const tracer = trace.getTracer('g3')

  const failed = (span: Span, kind: string): void => {
    span.setAttribute('error.type', kind)
    span.setStatus({ code: SpanStatusCode.ERROR })
  }

  /** Whatever is begun in `work` is a part of the span. */
  const within = <T>(span: Span, work: () => Promise<T>): Promise<T> =>
    context.with(trace.setSpan(context.active(), span), async () => {
      try {
        return await work()
      } catch (problem) {
        failed(span, errorType(problem))
        throw problem
      } finally {
        span.end()
      }
    })

  const past = (name: string, startTime: number, endTime: number, attributes: Attributes): void =>
    tracer.startSpan(name, { startTime, attributes }).end(endTime)

  return {
    request(c, next) {
      const carrier = Object.fromEntries(c.req.raw.headers)
      const method = c.req.method
      return context.with(propagation.extract(context.active(), carrier), () => {
        const span = tracer.startSpan(method, { kind: SpanKind.SERVER, attributes: { 'http.request.method': method } })
        return within(span, async () => {
          await next()
          const [route, status] = [routePath(c, -1), c.res.status]
          span.updateName(`${method} ${route}`)
          span.setAttributes({ 'http.route': route, 'http.response.status_code': status })
          if (status >= 500) failed(span, String(status))
        })
      })
    },
    wait: (work) => within(tracer.startSpan('wait for a slot'), work),
    generation(model, write) {
      const attributes = {
        'gen_ai.operation.name': 'generate_content',
        'gen_ai.provider.name': 'g3',
        'gen_ai.request.model': model,
      }
      const start = Date.now()
      const span = tracer.startSpan(`generate_content ${model}`, { startTime: start, attributes })
      return within(span, async () => {
        const result = await write()
        const [input, output] = [result.promptTokens, result.ids.length]
        span.setAttributes({
          'gen_ai.response.model': model,
          'gen_ai.response.finish_reasons': [result.stopReason],
          'gen_ai.usage.input_tokens': input,
          'gen_ai.usage.cache_read.input_tokens': result.cachedTokens,
          'gen_ai.usage.output_tokens': output,
        })
        const read = start + result.prefillMs
        past('prefill', start, read, { 'gen_ai.usage.input_tokens': input })
        past('decode', read, Math.max(read, Date.now()), { 'gen_ai.usage.output_tokens': output })
        return result
      })
    },
  }
}

/** As clients are told it, without the message. */
function errorType(problem: unknown): string {
  const { details, type } = apiError(problem)
  return details.code ?? type
}

/** Slots whose waits are spans. */
export const tracedSlots = (slots: Slots, tracing: Tracing): Slots => ({
  get total() {
    return slots.total
  },
  get taken() {
    return slots.taken
  },
  get waiting() {
    return slots.waiting
  },
  claim: (signal) => tracing.wait(() => slots.claim(signal)),
  drain: () => slots.drain(),
})
