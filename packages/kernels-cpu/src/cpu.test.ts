import type { CacheType, QuantType } from '@g3/backend'
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

/** What all else does with all types takes minutes, which `npm test` leaves to CI. */
const isWhole = process.env.G3_TESTS === 'whole'
const ALL_IN_CI = isWhole ? {} : { types: FEW }
/** Threads and memories cut work elsewhere, whatever the type. */
const FEW_IN_CI: Pick<Variant, 'types' | 'cacheTypes'> = isWhole ? { types: FEW } : { types: ['F16', 'Q4_K'], cacheTypes: ['f16'] }

interface Variant {
  readonly options: CpuOptions
  readonly tolerances: Tolerances
  readonly types?: readonly QuantType[]
  /** All of them where it is left out. */
  readonly cacheTypes?: readonly CacheType[]
}

const variants: Readonly<Record<string, Variant>> = {
  fast: { options: { precision: 'fast', threads: 2 }, tolerances: FAST },
  // Caches do not depend on the precision, so one type each will do.
  precise: { options: { precision: 'precise', threads: 2 }, tolerances: PRECISE, cacheTypes: ['f16'], ...ALL_IN_CI },
  exact: { options: { precision: 'exact', threads: 2 }, tolerances: EXACT, cacheTypes: ['f32'], ...ALL_IN_CI },
  'fast without relaxed SIMD': {
    options: { precision: 'fast', threads: 2, simd: 'plain' }, tolerances: PRECISE, ...ALL_IN_CI,
  },
  'fast on one thread': { options: { precision: 'fast', threads: 1 }, tolerances: FAST, ...FEW_IN_CI },
  'fast on three threads': { options: { precision: 'fast', threads: 3 }, tolerances: FAST, ...FEW_IN_CI },
  'a memory for each matrix': { options: { threads: 2, limits: { matrixBytes: 1 } }, tolerances: FAST, ...FEW_IN_CI },
  'a memory for each matrix, none of them shared': {
    options: { limits: { matrixBytes: 1, shared: false } }, tolerances: FAST, ...FEW_IN_CI, cacheTypes: ['f16'],
  },
}

for (const [name, { options, ...settings }] of Object.entries(variants)) {
  describe(name, () => conformance(() => cpu(options), { describe, it }, { ...settings, batchInvariant: true }))
}
