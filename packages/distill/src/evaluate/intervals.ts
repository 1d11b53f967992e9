/** A mean and the interval in which the true one lies with 95 % probability. */
export interface Estimated {
  readonly value: number
  readonly low: number
  readonly high: number
}

/** Standard deviations on either side of 95 % of a normal distribution. */
const Z = 1.959963984540054

/** Sums of what is measured, one value after the other, without holding them (Welford's recurrence). */
export interface Tally {
  readonly count: number
  readonly mean: number
  add(value: number): void
  /** Normal approximation: mean ± 1.96 standard errors. */
  interval(): Estimated
}

export function tally(): Tally {
  let count = 0
  let mean = 0
  let squares = 0
  return {
    get count() {
      return count
    },
    get mean() {
      return mean
    },
    add(value) {
      count++
      const before = value - mean
      mean += before / count
      squares += before * (value - mean)
    },
    interval() {
      const error = count > 1 ? Z * Math.sqrt(squares / (count - 1) / count) : Infinity
      return { value: mean, low: mean - error, high: mean + error }
    },
  }
}

/**
 * A share of yes among `count`, which stays in [0, 1] and is of use for few and for extreme counts, too.
 * Source: Wilson, "Probable inference", 1927.
 */
export function share(yes: number, count: number): Estimated {
  if (count === 0) return { value: NaN, low: 0, high: 1 }
  const p = yes / count
  const divisor = 1 + Z ** 2 / count
  const centre = (p + Z ** 2 / (2 * count)) / divisor
  const half = (Z / divisor) * Math.sqrt((p * (1 - p)) / count + Z ** 2 / (4 * count ** 2))
  return { value: p, low: Math.max(0, centre - half), high: Math.min(1, centre + half) }
}
