import { harmless } from './output.js'

/** Rows in aligned columns, the first line being the heads; columns of `right` lean right. */
export function table(
  heads: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const all = [heads, ...rows].map((row) => row.map((cell) => harmless(cell).replace(/[\n\t]/g, ' ')))
  const widths = heads.map((_, column) => Math.max(...all.map((row) => row[column].length)))
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (right.includes(column) ? cell.padStart(widths[column]) : cell.padEnd(widths[column])))
      .join('  ')
      .trimEnd()
  return all.map((row) => `${line(row)}\n`).join('')
}
