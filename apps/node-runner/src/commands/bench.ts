import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { G3Error } from '@g3/backend'
import { chooseBackend, type BackendName } from '@g3/runtime/auto'
import { labelOf, type EngineSpec } from '../bench/engine-spec.js'
import { measure, type BenchPlan } from '../bench/measure.js'
import type { ModelFacts } from '../bench/gguf-facts.js'
import { readModelFacts } from '../bench/model-facts.js'
import { page, TERMINAL } from '../bench/page.js'
import { serveBenchPage } from '../bench/serve-bench-page.js'
import { EXIT } from '../failure.js'
import { onInterrupt } from '../interrupt.js'
import { findModel } from '../loading.js'
import type { Precision } from '../options.js'
import { harmless, note, print, printJson } from '../output.js'

export interface BenchOptions {
  readonly model?: string
  readonly threads?: number
  readonly backend?: BackendName | 'auto'
  readonly counters?: true
  readonly perOp?: true
  /** GB a second. */
  readonly bandwidth?: number
  readonly precision?: Precision
  readonly simd: 'auto' | 'plain'
  readonly host: 'node' | 'chromium'
  readonly prompt: number
  readonly generate: number
  readonly repeat: number
  /** Seconds. */
  readonly timeout?: number
  readonly peers?: readonly EngineSpec[]
  /** In rising order. */
  readonly context?: readonly number[]
  /** In rising order. */
  readonly batch?: readonly number[]
  readonly page?: true
  readonly json?: true
}

/** `g3 bench`: measures, then prints one report. The exit code tells when something could not be measured. */
export async function bench(options: BenchOptions): Promise<void> {
  using interrupt = onInterrupt()
  const { signal } = interrupt
  if (options.page) return await offerPage(options.model, signal)
  const { path, name } = await findModel(options.model, signal)
  const facts = await readModelFacts(path, signal)
  checkLengths(options, facts)

  const { prompt, generate, repeat } = options
  const { backend, reason } = await chooseBackend({ backend: options.backend ?? 'cpu' })
  if (options.backend === 'auto') note(`Measuring ${backend}: ${harmless(reason)}.`)
  checkQuestions(options, backend)
  const engine = mainEngine(options, backend)
  const threads = options.threads ?? availableParallelism()
  const plan: BenchPlan = {
    model: path,
    facts,
    engine,
    peers: options.peers ?? [],
    backend,
    threads,
    counters: options.counters ?? false,
    perOp: options.perOp ?? false,
    ...(options.bandwidth !== undefined && { bandwidth: options.bandwidth * 1e9 }),
    prompt,
    generate,
    contexts: options.context ?? [],
    batches: options.batch ?? [],
  }
  const report = await measure(plan, {
    signal,
    repeat,
    log: (line) => note(harmless(line)),
    ...(options.timeout !== undefined && { timeoutMs: options.timeout * 1000 }),
  })
  const about = { model: name, engine: labelOf(engine), prompt, generate, repeat, ...(backend === 'cpu' && { threads }) }
  await (options.json ? printJson(report) : print(page(report, about, TERMINAL)))
  if (Object.keys(report.failures).length > 0) process.exitCode = EXIT.failed
}

/** Serves the page that measures a browser until Ctrl-C. A model is served with it if one is named. */
async function offerPage(model: string | undefined, signal: AbortSignal): Promise<void> {
  const server = await serveBenchPage(model === undefined ? undefined : await findModel(model, signal))
  try {
    await print(`${server.url}\n`)
    note('Open this in a browser with WebGPU. Ctrl-C ends it.')
    signal.throwIfAborted()
    await once(signal, 'abort')
    throw signal.reason
  } finally {
    server.close()
  }
}

/** @throws G3Error `cli/usage` for what only WebGPU can answer */
function checkQuestions({ counters, perOp, bandwidth }: BenchOptions, backend: BackendName): void {
  if (backend === 'webgpu' || !(counters || perOp || bandwidth !== undefined)) return
  throw new G3Error('cli/usage', '--counters, --per-op and --bandwidth are of WebGPU: add --backend webgpu')
}

function mainEngine({ precision, simd, host }: BenchOptions, backend: BackendName): EngineSpec {
  return {
    name: 'g3',
    ...(backend === 'webgpu' && { backend }),
    ...(host === 'chromium' && { host }),
    ...(simd === 'plain' && { simd }),
    ...(precision !== undefined && precision !== (backend === 'cpu' ? 'fast' : 'exact') && { precision }),
  }
}

function checkLengths({ prompt, context = [], generate }: BenchOptions, { config }: ModelFacts): void {
  const longest = Math.max(prompt, ...context) + generate + 1
  if (longest <= config.context) return
  throw new G3Error(
    'cli/usage',
    `${longest} tokens of prompt or context and what is generated after them are more than the ${config.context} that this model was trained for`,
  )
}
