/** [least, median, most], of tokens per second. */
export type Spread = readonly [number, number, number]

/** @param values at least one */
export function spread(values: readonly number[]): Spread {
  return [rounded(Math.min(...values)), rounded(median(values)), rounded(Math.max(...values))]
}

/** @param values at least one */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length / 2
  return (sorted[Math.ceil(middle) - 1] + sorted[Math.floor(middle)]) / 2
}

/** Two digits after the point. */
export const rounded = (value: number): number => Math.round(value * 100) / 100
