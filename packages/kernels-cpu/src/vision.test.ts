import type { QuantType } from '@g3/backend'
import { type Tolerances, visionConformance } from '@g3/backend/test'
import { describe, it } from 'vitest'
import { cpu, type CpuOptions } from './cpu.js'

/** f32 sums in another order than the reference's doubles. */
const EXACT: Tolerances = {
  elementwise: 1e-6,
  rope: 0,
  product: 1e-5,
  productOnGrid: 0,
  attend: { f32: 2e-5, f16: 0, q8_0: 0 },
  layers: 0,
}
/**
 * Activations of 14 bits a row: half a step is 6e-5 of the largest; float weights of 15, a scale for 16 columns. Keys and values of 14 bits, too, whose errors the sharp scores of
 * the suite take for exponents.
 */
const ROUNDED: Tolerances = { ...EXACT, product: 6e-4, attend: { ...EXACT.attend, f32: 6e-3 } }

const variants: Readonly<
  Record<string, readonly [options: CpuOptions, tolerances: Tolerances, types?: readonly QuantType[]]>
> = {
  fast: [{ threads: 2 }, ROUNDED],
  exact: [{ threads: 3, precision: 'exact' }, EXACT, ['F16']],
  'fast without relaxed SIMD': [{ threads: 1, simd: 'plain' }, ROUNDED, ['F16', 'Q8_0']],
  'a memory for each matrix': [{ threads: 2, limits: { matrixBytes: 1 } }, ROUNDED, ['Q8_0']],
}

for (const [name, [options, tolerances, types]] of Object.entries(variants)) {
  describe(name, () =>
    visionConformance(
      () => cpu(options),
      { describe, it },
      { tolerances, ...(types && { types }), batchInvariant: true },
    ),
  )
}
