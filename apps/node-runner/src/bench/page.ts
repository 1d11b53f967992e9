import { styleText } from 'node:util'
import { harmless } from '../output.js'
import { table } from '../table.js'
import { charts, figure, PLAIN, type Chart, type ChartRow, type Style } from './chart.js'
import type { BenchReport } from './report.js'
import type { Spread } from './spread.js'
import type { Roofline } from './roofline/roofline.js'
import { gpuText } from './webgpu/gpu-text.js'

/** What a report is of. */
export interface PageHead {
  readonly model: string
  /** How the main engine is called. */
  readonly engine: string
  readonly prompt: number
  readonly generate: number
  /** Undefined on WebGPU, which has none. */
  readonly threads?: number
  readonly repeat: number
}

/** Colours, where stdout is a terminal that wants them (`NO_COLOR`, `FORCE_COLOR`). */
export const TERMINAL: Style = {
  title: (text) => styleText('bold', text),
  bar: (text, isMain) => styleText(isMain ? 'cyan' : 'gray', text),
  aside: (text) => styleText('dim', text),
  ratio: (text, value) => styleText(value >= 1 ? 'green' : 'red', text),
}

/** A report for people. */
export function page(report: BenchReport, about: PageHead, style: Style = PLAIN): string {
  const { g3, peers, ratios, failures, roofline, byContext, byBatch } = report
  const engines = Object.entries(peers)
  const chart = (what: 'prefill' | 'decode', title: string): Chart => ({
    title,
    ...(engines.length > 0 && { ratioTitle: 'first / it' }),
    rows: [
      { ...rowOf(about.engine, g3[what]), isMain: true },
      ...engines.map(([name, peer]) => ({ ...rowOf(name, peer[what]), ratio: ratios[name][what] })),
    ],
  })
  const sizes = [[about.engine, g3] as const, ...engines].map(([name, { loadMs, peakRssBytes }]) => [
    `  ${name}`,
    `${(loadMs / 1000).toFixed(2)} s`,
    `${(peakRssBytes / 1e6).toFixed(0)} MB`,
  ])
  const parts = [
    `${style.title(harmless(about.model))}\n${aboutLine(about)}\n`,
    charts(
      [
        chart('prefill', 'prefill, tokens a second'),
        chart('decode', 'decode, tokens a second'),
        series(
          'decode after so many tokens, tokens a second',
          byContext.map(({ context, decode }) => [`${context} tokens`, decode]),
        ),
        series(
          'decode of several sequences, tokens a second in all',
          byBatch.map(({ batch, tokensPerSecond }) => [plural(batch, 'sequence'), tokensPerSecond]),
        ),
      ].filter(({ rows }) => rows.length > 0),
      style,
    ),
    roofline ? `${style.title('roofline')}${rooflineText(roofline)}\n` : '',
    gpuText(report, style),
    table(['engine', 'load', 'most memory'], sizes, [1, 2]).replace(/^.*/, (heads) => style.title(heads)),
    Object.entries(failures)
      .map(([name, { code, message }]) => harmless(`${name} was not measured: ${message} (${code})\n`))
      .join(''),
  ]
  return parts.filter((part) => part !== '').join('\n')
}

/** Values that are compared with the first of them. */
const series = (title: string, values: readonly (readonly [label: string, value: number])[]): Chart => ({
  title,
  ratioTitle: 'it / first',
  rows: values.map(([label, value], i) => ({ label, value, isMain: true, ...(i > 0 && { ratio: value / values[0][1] }) })),
})

const aboutLine = ({ threads, prompt, generate, repeat }: PageHead): string =>
  `${prompt} tokens of prompt, ${generate} more; ${threads === undefined ? 'WebGPU' : plural(threads, 'thread')}; ` +
  (repeat === 1 ? '1 round' : `medians of ${repeat} rounds`)

function rooflineText({ readBytesPerSecond, macsPerSecond, decodeFraction, prefillFraction }: Roofline): string {
  const part = (what: string, limit: number, unit: string, share: number): string =>
    `${what} ${figure((share * limit) / 1e9)} of ${figure(limit / 1e9)} ${unit} (${share.toFixed(2)})`
  const decode = part('decode', readBytesPerSecond, 'GB/s', decodeFraction)
  return `  ${decode}   ${part('prefill', macsPerSecond, 'GMAC/s', prefillFraction)}`
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

const rowOf = (label: string, [least, median, most]: Spread): ChartRow => ({
  label,
  value: median,
  ...(least < most && { range: [least, most] }),
})
