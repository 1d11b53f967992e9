import { table } from '../table.js'
import type { PeerName, Round } from './protocol.js'

/** [least, median, most], of tokens per second. */
export type Spread = readonly [number, number, number]

export interface EngineReport {
  readonly loadMs: number
  readonly prefill: Spread
  readonly decode: Spread
  readonly peakRssBytes: number
}

/** What `g3 bench --json` prints. */
export interface BenchReport {
  readonly g3: EngineReport
  readonly peers: Readonly<Partial<Record<PeerName, EngineReport>>>
  /** Our median divided by the peer's: above 1 we are faster. */
  readonly ratios: Readonly<Partial<Record<PeerName, { readonly prefill: number; readonly decode: number }>>>
}

/** @param values at least one */
export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  const median = (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2
  return [rounded(sorted[0]), rounded(median), rounded(sorted[sorted.length - 1])]
}

export function engineReport(loadMs: number, rounds: readonly Round[], peakRssBytes: number): EngineReport {
  return {
    loadMs: rounded(loadMs),
    prefill: spread(rounds.map(({ prefill }) => prefill)),
    decode: spread(rounds.map(({ decode }) => decode)),
    peakRssBytes,
  }
}

export const ratio = (ours: EngineReport, theirs: EngineReport): { prefill: number; decode: number } => ({
  prefill: rounded(ours.prefill[1] / theirs.prefill[1]),
  decode: rounded(ours.decode[1] / theirs.decode[1]),
})

const rounded = (value: number): number => Math.round(value * 100) / 100

/** A report for people. */
export function page({ g3, peers, ratios }: BenchReport): string {
  const engines = Object.entries({ g3, ...peers })
  const rows = engines.map(([name, { loadMs, prefill, decode, peakRssBytes }]) => [
    name,
    `${(loadMs / 1000).toFixed(2)} s`,
    speed(prefill),
    speed(decode),
    `${(peakRssBytes / 1e6).toFixed(0)} MB`,
  ])
  const heads = ['engine', 'load', 'prefill tok/s', 'decode tok/s', 'peak memory']
  const lines = Object.entries(ratios).map(
    ([name, { prefill, decode }]) => `g3 / ${name}: prefill ${prefill}, decode ${decode}\n`,
  )
  return table(heads, rows, [1, 2, 3, 4]) + lines.join('')
}

const speed = ([least, median, most]: Spread): string =>
  `${median.toFixed(1)} (${least.toFixed(1)} to ${most.toFixed(1)})`
