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
 * Activations of 14 bits a row: half a step is 6e-5 of the largest; float weights of 13 and a sign, a scale for 64 columns. Keys, values and
 * weights of attention of 12 to 16 bits, whose errors the sharp scores of the suite take for exponents.
 */
const ROUNDED: Tolerances = { ...EXACT, product: 8e-4, attend: { ...EXACT.attend, f32: 6e-3 } }
/** Activations of 7 bits, a scale for 32 columns: half a step is 0.8 % of the largest. */
const COARSE: Tolerances = { ...ROUNDED, product: 2.5e-2 }

const variants: Readonly<
  Record<string, readonly [options: CpuOptions, tolerances: Tolerances, types?: readonly QuantType[]]>
> = {
  fast: [{ threads: 2 }, ROUNDED, ['F32', 'F16', 'BF16']],
  'fast, Q8_0': [{ threads: 2 }, COARSE, ['Q8_0']],
  exact: [{ threads: 3, precision: 'exact' }, EXACT, ['F16']],
  'fast without relaxed SIMD': [{ threads: 1, simd: 'plain' }, ROUNDED, ['F16', 'Q8_0']],
  'a memory for each matrix': [{ threads: 2, limits: { matrixBytes: 1 } }, COARSE, ['Q8_0']],
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
