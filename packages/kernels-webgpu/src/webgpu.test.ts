import type { QuantType } from '@g3/backend'
import { conformance, type Tolerances } from '@g3/backend/test'
import { describe, it } from 'vitest'
import { create } from 'webgpu'
import type { WebGpuOptions } from './options.js'
import { webgpu } from './webgpu.js'

/** f32 sums in another order than the reference's doubles. */
const EXACT: Tolerances = {
  elementwise: 1e-6,
  rope: 1e-6,
  product: 1e-5,
  productOnGrid: 1e-5,
  attend: { f32: 2e-5, f16: 4e-3, q8_0: 1e-4 },
  layers: 1e-4,
}
const gpu = create([])
const types = process.env.TYPES?.split(',') as QuantType[] | undefined
const variants: readonly (readonly [string, WebGpuOptions])[] = [
  ['subgroups', { subgroups: true }],
  ['shared memory', { subgroups: false }],
]
for (const [name, options] of variants) {
  describe(name, () => {
    conformance(() => webgpu({ gpu, ...options }), { describe, it }, { tolerances: EXACT, ...(types && { types }), batchInvariant: true })
  })
}
