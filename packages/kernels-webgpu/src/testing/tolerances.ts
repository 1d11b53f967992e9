import type { Tolerances } from '@g3/backend/test'

/** f32 sums in another order than the reference's doubles; keys and values as their cache holds them. */
export const TOLERANCES: Tolerances = {
  elementwise: 1e-6,
  rope: 1e-6,
  product: 1e-5,
  productOnGrid: 1e-5,
  // Half a step of f16, 2^-12 of each number of a key, moves scores of ±1000 by up to a fiftieth.
  attend: { f32: 2e-5, f16: 2e-2, q8_0: 1e-4 },
  layers: 1e-4,
}
