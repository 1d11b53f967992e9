import { harmless } from '../output.js'

export interface ChartRow {
  readonly label: string
  readonly value: number
  /** What the chart is about, where the others are there to compare. */
  readonly isMain?: boolean
  /** Least and most. */
  readonly range?: readonly [number, number]
  /** How many times another row's value. */
  readonly ratio?: number
}

/** Bars of one unit, the longest for the greatest value. */
export interface Chart {
  readonly title: string
  /** What the column of ratios means. */
  readonly ratioTitle?: string
  readonly rows: readonly ChartRow[]
}

/** How parts of a chart look on a terminal. */
export interface Style {
  title(text: string): string
  bar(text: string, isMain: boolean): string
  aside(text: string): string
  /** Of a row that is there to compare. */
  ratio(text: string, value: number): string
}

export const PLAIN: Style = {
  title: (text) => text,
  bar: (text) => text,
  aside: (text) => text,
  ratio: (text) => text,
}

const EIGHTHS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉']

/** A bar that fills `share` (0 to 1) of `width` cells, to the eighth of a cell. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(Math.max(share, 0), 1) * width * 8)
  return '█'.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]
}

/** With three digits, or more before the point. */
export const figure = (value: number): string => value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)

const WIDTH = 80
const LEAST_BAR = 8
const RANGE_TITLE = 'least to most'

/** Charts below each other, their columns aligned, within 80 columns unless labels are very long. */
export function charts(list: readonly Chart[], style: Style = PLAIN): string {
  const rows = list.flatMap(({ rows }) => rows)
  const widest = (cell: (row: ChartRow) => string): number => Math.max(...rows.map((row) => cell(row).length))
  const labels = widest(labelCell)
  const values = widest(valueCell)
  const hasRanges = rows.some(({ range }) => range)
  const ranges = hasRanges ? Math.max(widest(rangeCell), RANGE_TITLE.length) : 0
  const ratios = Math.max(widest(ratioCell), ...list.map(({ ratioTitle = '' }) => ratioTitle.length))
  const bars = Math.max(WIDTH - (2 + labels + 2 + values + 2 + 2 + ranges + 2 + ratios), LEAST_BAR)

  const head = ({ title, ratioTitle = '', rows }: Chart): string => {
    const rangeTitle = rows.some(({ range }) => range) ? RANGE_TITLE : ''
    const asides = `${rangeTitle.padStart(ranges)}  ${ratioTitle.padStart(ratios)}`
    const room = 2 + labels + 2 + values + 2 + bars + 2
    return `${style.title(title)}${' '.repeat(Math.max(room - title.length, 2))}${style.aside(asides)}`
  }
  const line = (row: ChartRow, most: number): string => {
    const drawn = bar(row.value / most, bars)
    return [
      `  ${labelCell(row).padEnd(labels)}`,
      valueCell(row).padStart(values),
      style.bar(drawn, row.isMain ?? false) + ' '.repeat(bars - drawn.length),
      style.aside(rangeCell(row).padStart(ranges)),
      row.ratio === undefined || row.isMain
        ? ratioCell(row).padStart(ratios)
        : style.ratio(ratioCell(row).padStart(ratios), row.ratio),
    ].join('  ')
  }
  return list
    .map((chart) => {
      const most = Math.max(...chart.rows.map(({ value }) => value))
      const lines = [head(chart), ...chart.rows.map((row) => line(row, most))]
      return lines.map((text) => `${text.trimEnd()}\n`).join('')
    })
    .join('\n')
}

const labelCell = ({ label }: ChartRow): string => harmless(label)
const valueCell = ({ value }: ChartRow): string => figure(value)
const rangeCell = ({ range }: ChartRow): string => (range ? `${figure(range[0])} to ${figure(range[1])}` : '')
const ratioCell = ({ ratio }: ChartRow): string => (ratio === undefined ? '' : `${figure(ratio)}x`)
