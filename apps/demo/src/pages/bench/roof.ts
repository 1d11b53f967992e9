import type { BenchReport } from './rounds.js'

/** What was used of what there is; figures in `unit`. */
export interface RoofLine {
  readonly name: string
  readonly used: string
  /** Undefined where nobody knows the limit. */
  readonly limit: string | undefined
  readonly unit: string
  readonly fraction: number | undefined
  readonly words: string
}

/**
 * The roofline of a run. What was measured is one thread of the CPU; so there is a limit for a model on one thread, and for
 * others only what was used.
 */
export function roof(report: BenchReport): readonly [RoofLine, RoofLine] {
  const { oneThread, threads, backend } = report
  const isOneThread = backend.startsWith('cpu') && threads === 1
  const limits = isOneThread ? oneThread : undefined
  const line = (name: string, perSecond: number, limit: number | undefined, unit: string, what: string): RoofLine => ({
    name,
    used: giga(perSecond),
    limit: limit === undefined ? undefined : giga(limit),
    unit,
    fraction: limit === undefined ? undefined : perSecond / limit,
    words: wordsOf(report, isOneThread, limit === undefined ? undefined : perSecond / limit, what),
  })
  return [
    line('Memory, while writing', report.decodeBytesPerSecond, limits?.readBytesPerSecond, 'GB/s', 'reads'),
    line(
      'Arithmetic, while reading',
      report.prefillMacsPerSecond,
      limits?.macsPerSecond,
      'G multiply-adds/s',
      'multiplies',
    ),
  ]
}

function wordsOf(
  { oneThread, threads, backend }: BenchReport,
  isOneThread: boolean,
  fraction: number | undefined,
  what: string,
): string {
  if (fraction !== undefined) return `${Math.round(100 * fraction)} % of what a loop ${what} that does nothing else`
  if (!backend.startsWith('cpu')) return 'A browser does not tell what a GPU could do at most.'
  if (oneThread === undefined || isOneThread)
    return 'This page has no shared memory, which the loops that find the limit need.'
  const limit = what === 'reads' ? `${giga(oneThread.readBytesPerSecond)} GB/s` : `${giga(oneThread.macsPerSecond)} G/s`
  return `One thread alone ${what} ${limit} at most; here are ${threads}.`
}

const giga = (value: number): string => (value / 1e9).toFixed(value < 1e10 ? 2 : 1)
