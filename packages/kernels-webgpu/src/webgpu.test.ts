import type { QuantType } from '@g3/backend'
import { conformance, logitConformance, loraConformance, type TestRunner } from '@g3/backend/test'
import { describe, it } from 'vitest'
import type { WebGpuOptions } from './options.js'
import { testGpu } from './testing/gpu.js'
import { TOLERANCES } from './testing/tolerances.js'
import { webgpu } from './webgpu.js'

/** One type of each way to store, for what does not depend on the type. */
const FEW: readonly QuantType[] = ['F32', 'F16', 'Q5_0', 'Q4_K', 'Q6_K']

const VARIANTS: readonly (readonly [string, WebGpuOptions, types?: readonly QuantType[]])[] = [
  process.env.G3_GPU === 'whole'
    ? ['shared memory', { subgroups: false }]
    : ['shared memory', { subgroups: false }, FEW],
  ['subgroups', { subgroups: true }, FEW],
  ['the smallest limits, weights in shards', { limits: { minimum: true, shardBytes: 2 ** 18 } }, FEW],
]

/** SwiftShader needs seconds for a test: it runs what needs shared memory, steps, and one type. */
const SLOW_VARIANTS: typeof VARIANTS = [['shared memory', { subgroups: false }, ['Q5_0']]]
const SLOW_PARTS: readonly string[] = ['steps', 'norm', 'products with Q5_0 weights', 'pages']

const { gpu, missing, isSlow } = await testGpu()

/** The parts of the suite that are run here. */
const runner: TestRunner = {
  it,
  describe: (name, body) => (isSlow && !SLOW_PARTS.includes(name) ? undefined : describe(name, body)),
}

for (const [name, options, types] of isSlow ? SLOW_VARIANTS : VARIANTS) {
  describe.skipIf(missing !== '')(name, () => {
    conformance(() => webgpu({ gpu, selfCheck: false, ...options }), runner, {
      tolerances: TOLERANCES,
      ...(types && { types }),
      batchInvariant: true,
    })
    logitConformance(() => webgpu({ gpu, selfCheck: false, ...options }), { describe, it }, { tolerances: TOLERANCES })
    // What subgroups change is in all products.
    if (options.subgroups === true) return
    loraConformance(
      () => webgpu({ gpu, selfCheck: false, ...options }),
      { describe, it },
      { tolerances: TOLERANCES, types: types ? ['F16'] : ['F32', 'F16', 'Q8_0'] },
    )
  })
}
