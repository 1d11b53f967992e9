import { drawWeight, LOG2_E } from './draw.js'

/** Steps of the table from 2^0 down to 2^−1. */
const STEPS = 1024
/** `drawWeight` counts fractions of an exponent in 2^-20: those of a step. */
const STEP_SIZE = 2 ** 20 / STEPS
const LN_2_OF_FRACTION = Math.LN2 / 2 ** 20
/**
 * How far what is estimated may be from what the series of `drawWeight` gives, in 2^-24 of the largest weight: its tenth
 * term, which it leaves out, is 0.12 at most, its rounding 0.05, the estimate's cubic term 0.001.
 */
const DOUBT = 0.25

/**
 * {@link drawWeight} for whole vocabularies, many times faster: the same whole numbers. Estimates by a table and a short
 * series, and asks `drawWeight` itself where the estimate is too near to a whole number to say which way that was rounded.
 */
export function drawWeigher(): typeof drawWeight {
  const powers = Float64Array.from({ length: STEPS }, (_, n) => 2 ** (24 - n / STEPS))
  const halves = Float64Array.from({ length: 25 }, (_, n) => 2 ** -n)
  return (largest, value, rate = LOG2_E) => {
    const exponent = Math.fround(Math.fround(largest - value) * rate)
    if (!(exponent < 25)) return 0
    const fixed = (exponent * 2 ** 20) >>> 0
    const half = halves[fixed >>> 20]
    const x = (fixed & (STEP_SIZE - 1)) * LN_2_OF_FRACTION
    const estimate = powers[((fixed & (2 ** 20 - 1)) / STEP_SIZE) | 0] * half * (1 - x + (x * x) / 2)
    const doubt = DOUBT * half
    const weight = (estimate + doubt) | 0
    return weight === ((estimate - doubt) | 0) ? weight : drawWeight(largest, value, rate)
  }
}
