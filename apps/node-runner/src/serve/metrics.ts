import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { Slots } from './slots.js'
import { recentAnswers, type Recent } from './status/recent.js'

/** What is counted, for Prometheus. */
export interface Metrics {
  readonly registry: Registry
  readonly requests: Counter<'route' | 'status'>
  readonly seconds: Histogram<'route'>
  readonly tokens: Counter<'kind'>
  readonly firstToken: Histogram
  /** For the page; Prometheus has the histograms. */
  readonly recent: Recent
}

export function metricsOf({ slots }: { readonly slots: Slots }): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const gauge = (name: string, help: string, value: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(value())
      },
    })
  gauge('g3_slots', 'Texts that can be generated at a time', () => slots.total)
  gauge('g3_slots_taken', 'Texts that are being generated', () => slots.taken)
  gauge('g3_queue', 'Requests that wait for a slot', () => slots.waiting)
  gauge('process_resident_memory_bytes', 'Memory of the process', () => process.memoryUsage.rss())
  return {
    registry,
    recent: recentAnswers(),
    requests: new Counter({ name: 'g3_requests_total', help: 'Requests', labelNames: ['route', 'status'], registers }),
    seconds: new Histogram({
      name: 'g3_request_seconds',
      help: 'Time until an answer went out: whole, or its first event',
      labelNames: ['route'],
      buckets: [0.01, 0.1, 0.5, 1, 2, 5, 10, 30, 60, 300],
      registers,
    }),
    tokens: new Counter({
      name: 'g3_tokens_total',
      help: 'Tokens: of prompts, of these those held already, and generated ones',
      labelNames: ['kind'],
      registers,
    }),
    firstToken: new Histogram({
      name: 'g3_first_token_seconds',
      help: 'Time from the slot to the first token',
      buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30],
      registers,
    }),
  }
}
