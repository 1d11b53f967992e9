import type { Figure } from './report.js'

// All in pixels.
const WIDTH = 640
const LABEL = 150
const ROW = 34
const TOP = 44
const VALUE = 90

/** Figures that have an interval as bars with it, each on a scale of its own or, shares, on that from 0 to 1. */
export function figuresPicture(title: string, figures: readonly Figure[]): string {
  const drawn = figures.filter(({ low, high }) => low !== undefined && high !== undefined)
  const room = WIDTH - LABEL - VALUE
  const rows = drawn.map(({ name, value, low = value, high = value, isShare }, row) => {
    const most = isShare ? 1 : Math.max(value, Number.isFinite(high) ? high : value, Number.MIN_VALUE) * 1.1
    const x = (at: number): string => (LABEL + room * Math.min(1, Math.max(0, at / most))).toFixed(1)
    const y = TOP + row * ROW
    const middle = y + 11
    return (
      `<text x="${LABEL - 10}" y="${y + 15}" text-anchor="end">${escaped(name)}</text>` +
      `<rect x="${LABEL}" y="${y}" width="${(Number(x(value)) - LABEL).toFixed(1)}" height="22" rx="2" fill="#4c7fd0"/>` +
      `<path d="M${x(low)} ${middle}H${x(high)}M${x(low)} ${y + 6}v10M${x(high)} ${y + 6}v10" stroke="currentColor" stroke-width="1.5"/>` +
      `<text x="${WIDTH - VALUE + 10}" y="${y + 15}">${Number(value.toPrecision(4))}</text>`
    )
  })
  const height = TOP + Math.max(1, drawn.length) * ROW + 6
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="system-ui, sans-serif" font-size="14" fill="currentColor">` +
    `<title>${escaped(title)}</title><text x="10" y="24" font-weight="600">${escaped(title)}</text>${rows.join('')}</svg>\n`
  )
}

const ESCAPES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }
const escaped = (text: string): string => text.replace(/[&<>"]/g, (mark) => ESCAPES[mark])
