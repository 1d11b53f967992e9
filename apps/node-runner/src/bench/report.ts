import { check } from '@g3/backend'
import type { Measured, Outcome } from './contest.js'
import { labelOf, type EngineSpec } from './engine-spec.js'
import type { Failure } from './failure.js'
import type { Round } from './protocol.js'
import type { Roofline } from './roofline/roofline.js'
import { rounded, spread, type Spread } from './spread.js'
import type { Bandwidth } from './webgpu/bandwidth.js'
import type { Counters } from './webgpu/counters.js'
import type { OpTime } from './webgpu/gpu-facts.js'

export interface EngineReport {
  readonly loadMs: number
  readonly prefill: Spread
  readonly decode: Spread
  readonly peakRssBytes: number
  /** Of the tokens that it wrote, the same in all rounds. Other engines do not tell. */
  readonly checksum?: string
  /** Of an engine on WebGPU. */
  readonly adapter?: string
  /** Of a peer on WebGPU, with `--counters`. */
  readonly counters?: Counters
}

export interface Ratio {
  readonly prefill: number
  readonly decode: number
}

/** What `g3 bench --json` prints. Keys are labels of engines. */
export interface BenchReport {
  readonly g3: EngineReport
  readonly peers: Readonly<Record<string, EngineReport>>
  /** Our median divided by the peer's: above 1 we are faster. */
  readonly ratios: Readonly<Record<string, Ratio>>
  /** What could not be measured: peers, and `--context` or `--batch`. */
  readonly failures: Readonly<Record<string, Failure>>
  /** Of our medians, on the CPU. */
  readonly roofline?: Roofline
  /** Of our median, on WebGPU. */
  readonly bandwidth?: Bandwidth
  /** Ours, on WebGPU with `--counters`. */
  readonly counters?: Counters
  /** Ours, on WebGPU with `--per-op`: the longest first. */
  readonly perOp?: readonly OpTime[]
  /** Tokens a second after so many tokens; empty unless asked for. */
  readonly byContext: readonly { readonly context: number; readonly decode: number }[]
  /** Tokens a second of so many sequences together, after the prompt; empty unless asked for. */
  readonly byBatch: readonly { readonly batch: number; readonly tokensPerSecond: number }[]
}

/** What the engines' turns tell. */
export type ContestReport = Pick<BenchReport, 'g3' | 'peers' | 'ratios' | 'failures' | 'counters' | 'perOp'>

export function contestReport(main: EngineSpec, { measured, failures }: Outcome): ContestReport {
  const ours = measured.get(main)
  if (!ours) throw new Error('the main engine was not measured')
  const { counters, ...g3 } = engineReport(ours)
  const peers = [...measured]
    .filter(([engine]) => engine !== main)
    .map(([engine, theirs]) => [labelOf(engine), engineReport(theirs)] as const)
  return {
    g3,
    peers: Object.fromEntries(peers),
    ratios: Object.fromEntries(peers.map(([label, theirs]) => [label, ratio(g3, theirs)])),
    failures: Object.fromEntries([...failures].map(([engine, failure]) => [labelOf(engine), failure])),
    ...(counters && { counters }),
    ...(ours.gpu?.perOp && { perOp: ours.gpu.perOp }),
  }
}

function engineReport({ loadMs, rounds, peakRssBytes, gpu }: Measured): EngineReport {
  const checksum = commonChecksum(rounds)
  return {
    loadMs: rounded(loadMs),
    prefill: spread(rounds.map(({ prefill }) => prefill)),
    decode: spread(rounds.map(({ decode }) => decode)),
    peakRssBytes,
    ...(checksum !== undefined && { checksum }),
    ...(gpu && { adapter: gpu.adapter }),
    ...(gpu?.counters && { counters: gpu.counters }),
  }
}

/** @throws G3Error `bench/unsteady` for rounds that wrote different tokens */
function commonChecksum(rounds: readonly Round[]): string | undefined {
  const all = [...new Set(rounds.map(({ checksum }) => checksum))]
  check(all.length === 1, 'bench/unsteady', () => `rounds of one prompt wrote different tokens: ${all.join(', ')}`)
  return all[0]
}

const ratio = (ours: EngineReport, theirs: EngineReport): Ratio => ({
  prefill: rounded(ours.prefill[1] / theirs.prefill[1]),
  decode: rounded(ours.decode[1] / theirs.decode[1]),
})
