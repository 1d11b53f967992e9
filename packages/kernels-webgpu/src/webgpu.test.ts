import type { QuantType } from '@g3/backend'
import { conformance, type Tolerances } from '@g3/backend/test'
import { describe, it } from 'vitest'
import type { WebGpuOptions } from './options.js'
import { testGpu } from './testing/gpu.js'
import { webgpu } from './webgpu.js'

/** f32 sums in another order than the reference's doubles; keys and values as their cache holds them. */
const TOLERANCES: Tolerances = {
  elementwise: 1e-6,
  rope: 1e-6,
  product: 1e-5,
  productOnGrid: 1e-5,
  attend: { f32: 2e-5, f16: 4e-3, q8_0: 1e-4 },
  layers: 1e-4,
}

/** One type of each way to store, for what does not depend on the type. */
const FEW: readonly QuantType[] = ['F32', 'F16', 'Q5_0', 'Q4_K', 'Q6_K']

const variants: readonly (readonly [string, WebGpuOptions, types?: readonly QuantType[]])[] = [
  ['shared memory', { subgroups: false }],
  ['subgroups', { subgroups: true }, FEW],
  ['the smallest limits, every weight in shards', { limits: { minimum: true, bindingBytes: 65_536 } }, FEW],
]

const { gpu, missing } = await testGpu()

for (const [name, options, types] of variants) {
  describe.skipIf(missing !== '')(name, () => {
    conformance(
      () => webgpu({ gpu, ...options }),
      { describe, it },
      { tolerances: TOLERANCES, ...(types && { types }), batchInvariant: true },
    )
  })
}
