/** The value furthest from zero, with its sign. */
export const extreme = (values: Float32Array): number =>
  values.reduce((best, value) => (Math.abs(value) > Math.abs(best) ? value : best), 0)

/** The level nearest to value / step, within [low, high]; level 0 where the step is 0. */
export const level = (value: number, step: number, low: number, high: number): number =>
  step === 0 ? Math.max(low, 0) : Math.min(high, Math.max(low, Math.round(value / step)))
