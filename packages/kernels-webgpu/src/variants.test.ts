import { CACHE_TYPES, type Backend, type CacheType, type QuantType, type Weight } from '@g3/backend'
import { random, tensor } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import type { WebGpuOptions } from './options.js'
import { testGpu } from './testing/gpu.js'
import { webgpu } from './webgpu.js'

const { gpu, missing, isSlow } = await testGpu()

/** Types whose kernels have most to do: floats, two planes of levels, a min for each 16. */
const LARGEST: readonly QuantType[] = ['F32', 'Q6_K', 'Q2_K']

const OUTS = 40
const COLS = 512

/** A product of one row. Kernels for more are made too, but not run: written out, they take a CPU's driver minutes. */
async function product(type: QuantType, options: WebGpuOptions): Promise<Float32Array> {
  const rng = random(80)
  await using backend = await webgpu({ gpu, selfCheck: false, ...options })
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

async function recordProducts(backend: Backend, type: QuantType): Promise<void> {
  const matrix = (name: string, rows: number): Promise<Weight> =>
    backend.load(tensor(name, type, rows, COLS, new Float32Array(rows * COLS).fill(1)))
  const [few, many] = [await matrix('few', OUTS), await matrix('many', 8192)]
  const x = backend.buffer('x', 16, COLS)
  const [a, b, c] = ['a', 'b', 'c'].map((label) => backend.buffer(label, 16, OUTS))
  const [wide, picked] = [backend.buffer('wide', 16, 8192), backend.buffer('picked', 16, 128)]
  backend.record('products', (ops) => {
    ops.embed({ weight: few, scale: 1, out: x })
    ops.qkv({ x, q: { weight: few, out: a }, k: { weight: few, out: b }, v: { weight: few, out: c } })
    ops.gatedUp({ x, gate: few, up: few, out: a })
    ops.gatedUp({ x, gate: many, up: many, out: wide })
    ops.top({ x, weight: many, limit: 8192, count: 64, out: picked })
  })
}

async function recordAttention(backend: Backend, type: CacheType, headDim: number, group: number): Promise<void> {
  const norm = await backend.load(tensor('norm', 'F32', 1, headDim, new Float32Array(headDim)))
  const spec = { label: 'c', layers: 1, pages: 1, tableEntries: 1, kvHeads: 2, headDim, type }
  const cache = backend.cache(spec)
  const [q, out] = [backend.buffer('q', 4, 2 * group * headDim), backend.buffer('out', 4, 2 * group * headDim)]
  const [k, v] = [backend.buffer('k', 4, 2 * headDim), backend.buffer('v', 4, 2 * headDim)]
  const rope = { base: 10_000, scaling: 1 }
  backend.record('attention', (ops) => {
    ops.qkNormRope({ q, k, qNorm: norm, kNorm: norm, headDim, eps: 1e-6, rope })
    ops.store({ k, v, cache, layer: 0 })
    ops.attend({ q, cache, layer: 0, scale: 1, out })
    ops.store({ k, v, cache, layer: 0 })
    ops.rerotate({ k, cache, layer: 0, rope })
  })
}

describe.skipIf(missing !== '')('variants of a kernel', () => {
  it.skipIf(isSlow)('written out or as loops, in shared memory or in subgroups: the same bits', async () => {
    const want = await product('Q6_K', { unrolled: false, subgroups: false })
    expect(await product('Q6_K', { unrolled: true, subgroups: false })).toEqual(want)
    expect(await product('Q6_K', { unrolled: true, subgroups: true })).toEqual(want)
    expect(await product('Q6_K', { unrolled: false, subgroups: true })).toEqual(want)
  })

  // Compiled but not run: a driver for CPUs makes machine code only then, and takes minutes over written-out loops.
  it.skipIf(isSlow)('written out, the largest kernels keep the smallest limits', async () => {
    const adapter = await gpu.requestAdapter()
    const device = await (adapter ?? expect.fail(missing)).requestDevice({
      requiredFeatures: ['subgroups'],
    })
    const compiled: Promise<unknown>[] = []
    const compile = device.createComputePipelineAsync.bind(device)
    device.createComputePipelineAsync = (descriptor) => {
      const pipeline = compile(descriptor)
      compiled.push(pipeline)
      return pipeline
    }
    await using backend = await webgpu({ device, selfCheck: false, unrolled: true })
    for (const type of LARGEST) await recordProducts(backend, type)
    // The 270M's and the 1B's heads: what takes most shared memory.
    for (const type of CACHE_TYPES) await recordAttention(backend, type, 256, 4)
    const failed = (await Promise.allSettled(compiled)).filter(({ status }) => status === 'rejected')
    expect(failed).toEqual([])
    expect(compiled.length).toBeGreaterThan(30)
    device.destroy()
  }, 240_000)

  it('says which it uses, and refuses what the device lacks', async () => {
    await using backend = await webgpu({ gpu, selfCheck: false, subgroups: false })
    expect(backend.caps.description).toContain('shared memory')
    const adapter = await gpu.requestAdapter()
    const device = await (adapter ?? expect.fail(missing)).requestDevice()
    await expect(webgpu({ device, subgroups: true })).rejects.toMatchObject({ code: 'webgpu/unavailable' })
    device.destroy()
  })
})
