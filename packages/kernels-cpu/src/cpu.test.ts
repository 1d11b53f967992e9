import type { QuantType } from '@g3/backend'
import { conformance, type Tolerances } from '@g3/backend/test'
import { describe, it } from 'vitest'
import { cpu, type CpuOptions } from './cpu.js'

/**
 * f32 sums in another order than the reference's doubles. Keys and values of f16 have 14 bits: half a step is 6e-5 of the largest, which
 * moves scores of ±1000 by 1e-2.
 */
const EXACT: Tolerances = { elementwise: 1e-6, rope: 1e-6, product: 1e-5, productOnGrid: 1e-5, attend: { f32: 2e-5, f16: 6e-3, q8_0: 6e-3 }, layers: 1e-4 }
/** Activations of 14 bits a row: half a step is 6e-5 of the largest. */
const PRECISE: Tolerances = { ...EXACT, product: 6e-4, productOnGrid: 6e-4, layers: 3e-3 }
/** Activations of 8 bits a block of 32 (16 for Q6_K, off the grid): half a step is 4e-3 of the largest. */
const FAST: Tolerances = { ...PRECISE, product: 8e-2, productOnGrid: 8e-3, layers: 2e-1 }

/** One type of each way to store and to fold, for what does not depend on the type. */
const FEW: readonly QuantType[] = ['F16', 'Q5_0', 'Q8_0', 'Q4_K', 'Q6_K']

const variants: readonly (readonly [string, CpuOptions, Tolerances, types?: readonly QuantType[]])[] = [
  ['fast', { precision: 'fast', threads: 2 }, FAST],
  ['precise', { precision: 'precise', threads: 2 }, PRECISE],
  ['exact', { precision: 'exact', threads: 2 }, EXACT],
  ['fast without relaxed SIMD', { precision: 'fast', threads: 2, simd: 'plain' }, PRECISE],
  ['fast on one thread', { precision: 'fast', threads: 1 }, FAST, FEW],
  ['fast on three threads', { precision: 'fast', threads: 3 }, FAST, FEW],
  ['a memory for each matrix', { threads: 2, limits: { matrixBytes: 1 } }, FAST, FEW],
  ['a memory for each matrix, none of them shared', { limits: { matrixBytes: 1, shared: false } }, FAST, FEW],
]

for (const [name, options, tolerances, types] of variants) {
  describe(name, () => {
    conformance(() => cpu(options), { describe, it }, { tolerances, ...(types && { types }), batchInvariant: true })
  })
}
