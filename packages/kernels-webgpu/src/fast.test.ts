import type { QuantType } from '@g3/backend'
import { conformance, type Tolerances, type TestRunner } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import { fastDevice, testGpu } from './testing/gpu.js'
import { webgpu } from './webgpu.js'

/**
 * The CPU backend's bounds for `fast`: activations of 8 bits a block of 32, half a step of which is 4e-3 of the largest. f16 has
 * three bits more. All else is as exact as ever.
 */
const TOLERANCES: Tolerances = {
  elementwise: 1e-6,
  rope: 1e-6,
  product: 8e-2,
  productOnGrid: 8e-3,
  attend: { f32: 2e-5, f16: 2e-2, q8_0: 1e-4 },
  layers: 2e-1,
}

/** What differs from the exact kernels. Of these, those for which a driver for CPUs compiles longest are left to `whole`. */
const PARTS = process.env.G3_GPU === 'whole' ? /^(products|gatedUp|top|two layers)/ : /^products/
const TESTS = process.env.G3_GPU === 'whole' ? /./ : /^(project|a row alone)/

const runner: TestRunner = {
  describe: (name, body) => (PARTS.test(name) ? describe(name, body) : undefined),
  it: (name, body) => (TESTS.test(name) ? it(name, body) : undefined),
}

/** Levels with a zero of their own, signed ones, two scales a chunk with and without a min; floats stay f32. */
const TYPES = {
  dp4a: ['Q5_0', 'Q2_K', 'F16'],
  f16: ['Q6_K'],
} as const satisfies Record<string, readonly QuantType[]>

const { gpu, missing, isSlow, hasF16 } = await testGpu()

for (const multiplies of ['dp4a', 'f16'] as const) {
  const isMissing = multiplies === 'f16' && !hasF16
  describe.skipIf(missing !== '' || isSlow || isMissing)(`fast, products of ${multiplies}`, () => {
    const types = process.env.G3_GPU === 'whole' ? {} : { types: TYPES[multiplies] }
    conformance(async () => webgpu({ device: await fastDevice(gpu, multiplies), precision: 'fast', selfCheck: false }), runner, {
      tolerances: TOLERANCES,
      ...types,
      batchInvariant: true,
    })
  })
}

describe.skipIf(missing !== '')('precision', () => {
  it('says what it multiplies', async () => {
    await using exact = await webgpu({ gpu, selfCheck: false })
    expect(exact.caps.description).toContain(', f32,')
    await using fast = await webgpu({ gpu, precision: 'fast', selfCheck: false })
    expect(fast.caps.description).toContain(', dp4a,')
    const device = await fastDevice(gpu, 'f32')
    await using plain = await webgpu({ device, precision: 'fast', selfCheck: false })
    expect(plain.caps.description).toContain(', f32,')
    device.destroy()
  })

  it('refuses what it does not know', async () => {
    const options = JSON.parse('{ "precision": "precise" }') as object
    await expect(webgpu({ gpu, ...options })).rejects.toMatchObject({ code: 'webgpu/options' })
  })
})
