import { harmless } from '../../output.js'
import { table } from '../../table.js'
import { figure, type Style } from '../chart.js'
import type { BenchReport } from '../report.js'
import { COUNTER_NAMES, type Counters } from './counters.js'

/** What a report says of WebGPU, for people; empty where g3 ran on the CPU. */
export function gpuText({ g3, peers, counters, bandwidth, perOp }: BenchReport, style: Style): string {
  if (g3.adapter === undefined) return ''
  const lines = [
    `${style.title('adapter')}   ${harmless(g3.adapter)}\n`,
    `${style.title('checksum')}  ${g3.checksum}\n`,
  ]
  if (bandwidth) {
    const { bytesPerSecond, source, decodeFraction } = bandwidth
    const of = `${figure((bytesPerSecond * decodeFraction) / 1e9)} of ${figure(bytesPerSecond / 1e9)} GB/s`
    lines.push(
      `${style.title('bandwidth')} decode ${of} (${decodeFraction.toFixed(2)}), ${source === 'copy' ? 'which copies reach' : 'as given'}\n`,
    )
  }
  const counted = [
    ...(counters ? [['g3', counters] as const] : []),
    ...Object.entries(peers).flatMap(([name, peer]) => (peer.counters ? [[name, peer.counters] as const] : [])),
  ]
  const heads = (text: string): string => text.replace(/^.*/, (line) => style.title(line))
  if (counted.length > 0) lines.push(`\n${heads(countersTable(counted))}`)
  if (perOp) {
    const rows = perOp.map(({ op, dispatchesPerToken, microsecondsPerToken }) => [
      op,
      String(dispatchesPerToken),
      microsecondsPerToken.toFixed(1),
    ])
    lines.push(`\n${heads(table(['kernel', 'a token', 'µs a token'], rows, [1, 2]))}`)
  }
  return lines.join('')
}

const countersTable = (counted: readonly (readonly [name: string, counters: Counters])[]): string =>
  table(
    ['a token on the GPU', ...counted.map(([name]) => name)],
    COUNTER_NAMES.map(([key, name]) => [name, ...counted.map(([, counters]) => String(counters[key]))]),
    counted.map((_, i) => i + 1),
  )
