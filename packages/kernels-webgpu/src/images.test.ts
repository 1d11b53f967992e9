import type { QuantType } from '@g3/backend'
import { visionConformance } from '@g3/backend/test'
import { describe, it } from 'vitest'
import type { WebGpuOptions } from './options.js'
import { testGpu } from './testing/gpu.js'
import { TOLERANCES } from './testing/tolerances.js'
import { webgpu } from './webgpu.js'

const VARIANTS: readonly (readonly [string, WebGpuOptions, types: readonly QuantType[]])[] = [
  ['shared memory', { subgroups: false }, ['F32', 'F16', 'BF16', 'Q8_0']],
  ['the smallest limits, weights in shards', { limits: { minimum: true, shardBytes: 2 ** 15 } }, ['F16']],
]

/** A driver for CPUs compiles each width of head and each type for seconds: one of them stands for all, unless all are wanted. */
const FEW = [
  /^patches/,
  /^layerNorm: (?:ordinary|values far)/,
  /^linear/,
  /^attendAll: heads of 72, sharp/,
  /^pool/,
  /^refuse/,
]
/** SwiftShader compiles products for half a minute. */
const FEWEST = [/^patches/, /^layerNorm: ordinary/, /^pool/, /^refuse/]

const { gpu, missing, isSlow } = await testGpu()
const isWhole = process.env.G3_GPU === 'whole'
const parts = isSlow ? FEWEST : FEW

for (const [name, options, types] of VARIANTS.slice(0, isWhole ? VARIANTS.length : 1)) {
  describe.skipIf(missing !== '')(name, () => {
    visionConformance(
      () => webgpu({ gpu, selfCheck: false, ...options }),
      {
        describe,
        it: (title, body) => (isWhole || parts.some((part) => part.test(title)) ? it(title, body) : undefined),
      },
      { tolerances: TOLERANCES, types: isWhole ? types : ['F16'], batchInvariant: true },
    )
  })
}
