import type { QuantType } from '@g3/backend'
import { random, tensor } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import type { WebGpuOptions } from './options.js'
import { testGpu } from './testing/gpu.js'
import { webgpu } from './webgpu.js'

const { gpu, missing, isSlow } = await testGpu()

const OUTS = 40
const COLS = 512

/** A product of one row. Kernels for more are made too, but not run: written out, they take a CPU's driver minutes. */
async function product(type: QuantType, options: WebGpuOptions): Promise<Float32Array> {
  const rng = random(80)
  await using backend = await webgpu({ gpu, ...options })
  const weight = await backend.load(tensor('w', type, OUTS, COLS, rng.normal(OUTS * COLS)))
  const values = await backend.load(tensor('x', 'F32', 2, COLS, rng.normal(2 * COLS)))
  const [x, out] = [backend.buffer('x', 1, COLS), backend.buffer('out', 1, OUTS)]
  const program = backend.record('product', (ops) => {
    ops.embed({ weight: values, scale: 1, out: x })
    ops.project({ x, weight, out })
  })
  backend.run(program, { rows: 1, ids: Int32Array.of(1) })
  return await backend.read(out, 1)
}

describe.skipIf(missing !== '')('variants of a kernel', () => {
  it.skipIf(isSlow)('written out or as loops, in shared memory or in subgroups: the same bits', async () => {
    const want = await product('Q6_K', { unrolled: false, subgroups: false })
    expect(await product('Q6_K', { unrolled: true, subgroups: false })).toEqual(want)
    expect(await product('Q6_K', { unrolled: true, subgroups: true })).toEqual(want)
    expect(await product('Q6_K', { unrolled: false, subgroups: true })).toEqual(want)
  })

  it('says which it uses, and refuses what the device lacks', async () => {
    await using backend = await webgpu({ gpu, subgroups: false })
    expect(backend.caps.description).toContain('shared memory')
    const adapter = await gpu.requestAdapter()
    const device = await (adapter ?? expect.fail(missing)).requestDevice()
    await expect(webgpu({ device, subgroups: true })).rejects.toMatchObject({ code: 'webgpu/unavailable' })
    device.destroy()
  })
})
