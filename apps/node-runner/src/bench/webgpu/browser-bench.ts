import { check } from '@g3/backend'
import { ggufFacts } from '../gguf-facts.js'
import { pageHost } from '../g3-page.js'
import { loadG3 } from '../g3-model.js'
import { benchPrompt } from '../prompt.js'
import type { Job, Round } from '../protocol.js'
import { spread, type Spread } from '../spread.js'
import { bandwidthOf, type Bandwidth } from './bandwidth.js'
import type { Counters } from './counters.js'
import type { OpTime } from './gpu-facts.js'

/** Lengths are in tokens. */
export interface BrowserBenchOptions {
  readonly prompt: number
  readonly generate: number
  readonly repeat: number
  /** Bytes a second of the adapter's memory; measured where it is not known. */
  readonly bandwidth?: number
  /** Told in a line what goes on. */
  readonly onStep: (line: string) => void
}

/** What a browser's WebGPU does with a model, as `g3 bench --backend webgpu --json` has it. */
export interface BrowserReport {
  readonly model: string
  readonly prompt: number
  readonly generate: number
  readonly g3: {
    readonly loadMs: number
    readonly prefill: Spread
    readonly decode: Spread
    readonly checksum: string
    readonly adapter: string
  }
  readonly bandwidth: Bandwidth
  readonly counters: Counters
  /** Undefined where the adapter has no `timestamp-query`. */
  readonly perOp?: readonly OpTime[]
  readonly browser: string
  /** Whether the tab was hidden, which slows it: the figures mean nothing then. */
  readonly wasHidden: boolean
}

/**
 * Measures WebGPU in this page.
 * @throws G3Error `webgpu/unavailable`, `bench/unsteady` where rounds wrote different tokens, what loading throws
 */
export async function browserBench(model: File, options: BrowserBenchOptions): Promise<BrowserReport> {
  const { prompt, generate, repeat, onStep } = options
  let wasHidden = document.hidden
  const hide = (): void => {
    wasHidden ||= document.hidden
  }
  document.addEventListener('visibilitychange', hide)
  try {
    const host = pageHost(model)
    const facts = await ggufFacts(await host.open())
    const most = facts.config.context
    check(
      prompt + generate < most,
      'bench/too-long',
      () => `the model has room for ${most} tokens, fewer than were asked for`,
    )
    const adapter = await (await host.gpu()).requestAdapter({ powerPreference: 'high-performance' })
    const job: Job = {
      engine: { name: 'g3' },
      backend: 'webgpu',
      model: model.name,
      threads: 1,
      generate,
      sequences: 1,
      gpu: {
        counters: true,
        perOp: adapter?.features.has('timestamp-query') ?? false,
        copyRate: options.bandwidth === undefined,
      },
      ...benchPrompt(facts.tokenizer, prompt),
    }
    onStep('loading')
    const start = performance.now()
    const g3 = await loadG3(host, job)
    const loadMs = Math.round(performance.now() - start)
    onStep('compiling, and a round to warm up')
    await g3.round()
    const rounds: Round[] = []
    for (let turn = 1; turn <= repeat; turn++) {
      const round = await g3.round()
      rounds.push(round)
      onStep(`${turn}/${repeat} prefill ${round.prefill.toFixed(1)}, decode ${round.decode.toFixed(1)} tokens a second`)
    }
    const [checksum, ...others] = [...new Set(rounds.map((round) => round.checksum))]
    check(
      others.length === 0 && checksum !== undefined,
      'bench/unsteady',
      'rounds of one prompt wrote different tokens',
    )
    onStep('counting what a token asks of the GPU, and timing its kernels')
    const gpu = await g3.gpu?.()
    check(gpu?.counters !== undefined, 'bench/engine-failed', 'the backend told nothing of the GPU')
    const decode = spread(rounds.map((round) => round.decode))
    const bytesPerSecond = options.bandwidth ?? gpu.copyBytesPerSecond ?? 0
    const source = options.bandwidth === undefined ? 'copy' : 'given'
    return {
      model: model.name,
      prompt,
      generate,
      g3: { loadMs, prefill: spread(rounds.map((round) => round.prefill)), decode, checksum, adapter: gpu.adapter },
      bandwidth: bandwidthOf({ bytesPerSecond, source }, facts, { prompt, generate, decode: decode[1] }),
      counters: gpu.counters,
      ...(gpu.perOp && { perOp: gpu.perOp }),
      browser: navigator.userAgent,
      wasHidden,
    }
  } finally {
    document.removeEventListener('visibilitychange', hide)
  }
}
