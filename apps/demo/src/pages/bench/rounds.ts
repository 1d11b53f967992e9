import { traced, type Backend } from '@g3/backend'
import {
  benchPrompt,
  decodeBytes,
  ggufFacts,
  openThreadProbe,
  prefillMacs,
  spread,
  type Spread,
} from '@g3/node-runner/bench-parts'
import { loadGemma3, openModel, type Gemma3 } from '@g3/runtime'
import { blobSource, httpSource, type ByteSource } from '@g3/runtime/gguf'
import type { LabCall, LabModel, LabWorker } from '../../lab/calls.js'
import { openBackend } from '../../lab/opened.js'

export interface OpTime {
  readonly op: string
  readonly calls: number
  /** Of one token, in milliseconds: all calls together. */
  readonly ms: number
}

/** What one thread of this device can do at most, from loops that do nothing else. */
export interface ThreadLimits {
  readonly readBytesPerSecond: number
  readonly macsPerSecond: number
}

/** A run on this device, as it is copied and downloaded. Rates are a second. */
export interface BenchReport {
  readonly model: string
  readonly backend: string
  readonly threads: number
  readonly prompt: number
  readonly generate: number
  readonly rounds: number
  readonly loadMs: number
  readonly prefill: Spread
  readonly decode: Spread
  readonly weightBytes: number
  /** What decoding reads of weights and caches. */
  readonly decodeBytesPerSecond: number
  /** What reading the prompt multiplies and adds. */
  readonly prefillMacsPerSecond: number
  /** Undefined where the browser gives this page no shared memory, which the loops need. */
  readonly oneThread: ThreadLimits | undefined
  /** One token, op by op: each waits for the one before, so together they take longer than a token does. */
  readonly perOp: readonly OpTime[]
  readonly browser: string
}

export type RoundsCall = LabCall<
  {
    readonly model: LabModel
    readonly title: string
    readonly prompt: number
    readonly generate: number
    readonly rounds: number
  },
  BenchReport,
  { readonly line: string; readonly share: number }
>

export const sourceOf = async ({ source }: Pick<LabModel, 'source'>): Promise<ByteSource> =>
  typeof source === 'string' ? httpSource(source) : blobSource(source, 'model')

/** What a thread reads: more than caches hold. */
const PROBE_BYTES = 64 << 20

export const rounds: LabWorker<RoundsCall> =
  () =>
  async (args, { signal, tell }) => {
    const { model: file, title, prompt: length, generate, rounds: count } = args
    const steps = count + 4
    let step = 0
    const say = (line: string): void => tell({ line, share: step++ / steps })
    say('Asking what this device can do')
    const oneThread = await threadLimits()
    say('Loading the model')
    const { config, weightBytes, tokenizer } = await ggufFacts(await sourceOf(file), signal)
    const { prompt } = benchPrompt(tokenizer, length)
    const backend = await openBackend(file)
    try {
      const start = performance.now()
      const model = await loadOn(backend, file, prompt.length + generate + 1)
      const loadMs = performance.now() - start
      say('A round to warm up')
      await roundOf(model, prompt, generate)
      const done: { readonly prefill: number; readonly decode: number }[] = []
      while (done.length < count) {
        signal.throwIfAborted()
        say(`Round ${done.length + 1} of ${count}`)
        done.push(await roundOf(model, prompt, generate))
      }
      say('Timing ops one by one')
      const perOp = await opTimes(backend, file, prompt.slice(0, 16))
      const prefill = spread(done.map((round) => round.prefill))
      const decode = spread(done.map((round) => round.decode))
      const length = { prompt: prompt.length, generate }
      return {
        model: title,
        backend: `${backend.caps.name}: ${backend.caps.description}`,
        threads: backend.caps.threads,
        prompt: prompt.length,
        generate,
        rounds: count,
        loadMs: Math.round(loadMs),
        prefill,
        decode,
        weightBytes,
        decodeBytesPerSecond: Math.round(
          decodeBytes(config, weightBytes, length, backend.caps.cacheType === 'f32' ? 'exact' : 'fast') * decode[1],
        ),
        prefillMacsPerSecond: Math.round(prefillMacs(config, prompt.length) * prefill[1]),
        oneThread,
        perOp,
        browser: navigator.userAgent,
      }
    } finally {
      await backend.dispose()
    }
  }

async function loadOn(backend: Backend, file: LabModel, context: number): Promise<Gemma3> {
  const opened = await openModel(await sourceOf(file))
  try {
    return await loadGemma3(backend, opened.tensor, opened.config, { context })
  } finally {
    await opened.close()
  }
}

/** Tokens a second of a prompt, and of what follows it. */
async function roundOf(model: Gemma3, prompt: readonly number[], generate: number) {
  using sequence = model.sequence()
  const start = performance.now()
  await sequence.append(prompt)
  let id = await sequence.pick()
  const first = performance.now()
  for (let made = 0; made < generate; made++) {
    sequence.step(id)
    id = await sequence.pick()
  }
  const end = performance.now()
  return { prefill: (prompt.length / (first - start)) * 1000, decode: (generate / (end - first)) * 1000 }
}

const OP_TOKENS = 4

/** Times of the ops of a token, each run and waited for by itself. */
export async function opTimes(backend: Backend, file: LabModel, prompt: readonly number[]): Promise<readonly OpTime[]> {
  const sums = new Map<string, { calls: number; ms: number }>()
  let isTimed = false
  let before = 0
  const watched = traced(backend, ({ op, program, call }) => {
    const now = performance.now()
    if (isTimed) {
      const sum = sums.get(op) ?? { calls: 0, ms: 0 }
      sum.ms += now - before
      // An op with several outputs is told once for each.
      if (lastCall !== `${program} ${call}`) sum.calls++
      sums.set(op, sum)
    }
    lastCall = `${program} ${call}`
    before = performance.now()
  })
  let lastCall = ''
  const model = await loadOn(watched, file, prompt.length + OP_TOKENS + 1)
  const sequence = model.sequence()
  await sequence.append(prompt)
  let id = await sequence.pick()
  isTimed = true
  before = performance.now()
  for (let token = 0; token < OP_TOKENS; token++) {
    before = performance.now()
    sequence.step(id)
    id = await sequence.pick()
    lastCall = ''
  }
  return Array.from(sums, ([op, { calls, ms }]) => ({ op, calls: calls / OP_TOKENS, ms: ms / OP_TOKENS })).sort(
    (a, b) => b.ms - a.ms,
  )
}

async function threadLimits(): Promise<ThreadLimits | undefined> {
  if (typeof SharedArrayBuffer === 'undefined') return undefined
  const rates = (await openThreadProbe(PROBE_BYTES))()
  return {
    readBytesPerSecond: Math.round(rates.readBytes),
    macsPerSecond: Math.round(Math.max(rates.pairs, rates.quads)),
  }
}
