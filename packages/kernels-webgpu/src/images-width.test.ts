import { reference, type Ops, type VisionBackend, type VisionOps } from '@g3/backend'
import { random, tensor } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import { testGpu } from './testing/gpu.js'
import { webgpu } from './webgpu.js'

const { gpu, missing, isSlow } = await testGpu()

/**
 * By the largest value: sums of up to 4304 f32 products, or of 4096 weighted values, in another order than the reference's
 * doubles. As the suite allows attention.
 */
const BOUND = 2e-5

const record = (backend: VisionBackend, build: (ops: Ops & VisionOps) => void) => backend.record('width', build)

const numbers = (rows: number): Int32Array => Int32Array.from({ length: rows }, (_, row) => row)

/** x · weightᵀ + bias of an F16 matrix, for rows that do not fill the last tile. */
async function product(backend: VisionBackend, outs: number, cols: number): Promise<Float32Array> {
  const rows = 37
  const rng = random(outs + cols)
  const values = await backend.load(tensor('x', 'F32', rows, cols, rng.normal(rows * cols)))
  const weight = await backend.load(tensor('w', 'F16', outs, cols, rng.normal(outs * cols, cols ** -0.5)))
  const bias = await backend.load(tensor('b', 'F32', 1, outs, rng.normal(outs)))
  const [x, out] = [backend.buffer('x', rows, cols), backend.buffer('out', rows, outs)]
  const program = record(backend, (ops) => {
    ops.embed({ weight: values, scale: 1, out: x })
    ops.linear({ x, weight, bias, out })
  })
  backend.run(program, { rows, ids: numbers(rows) })
  return backend.read(out, rows)
}

/** One head of an image of 64 x 64 patches: the last of the rows. */
async function attended(backend: VisionBackend): Promise<Float32Array> {
  const [rows, headDim] = [4096, 72]
  const rng = random(5)
  const load = async (name: string) => ({
    buffer: backend.buffer(name, rows, headDim),
    weight: await backend.load(tensor(name, 'F32', rows, headDim, rng.normal(rows * headDim, 2))),
  })
  const [q, k, v] = [await load('q'), await load('k'), await load('v')]
  const out = backend.buffer('out', rows, headDim)
  const program = record(backend, (ops) => {
    for (const { weight, buffer } of [q, k, v]) ops.embed({ weight, scale: 1, out: buffer })
    ops.attendAll({ q: q.buffer, k: k.buffer, v: v.buffer, headDim, scale: headDim ** -0.5, out })
  })
  backend.run(program, { rows, ids: numbers(rows) })
  return backend.read(out, rows)
}

async function expectEqual(compute: (backend: VisionBackend) => Promise<Float32Array>): Promise<void> {
  await using backend = await webgpu({ gpu, selfCheck: false, limits: { minimum: true } })
  const [got, want] = [await compute(backend), await compute(reference())]
  const largest = want.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const error = want.reduce((most, value, i) => Math.max(most, Math.abs(got[i] - value)), 0)
  expect(got.length).toBe(want.length)
  expect(error / largest).toBeLessThan(BOUND)
}

describe.skipIf(missing !== '' || isSlow || process.env.G3_GPU !== 'whole')(
  'at the widths of the published encoder',
  () => {
    it.each([
      [1152, 588],
      [4304, 1152],
      [1152, 4304],
    ])('linear, %i x %i', (outs, cols) => expectEqual((backend) => product(backend, outs, cols)), 240_000)

    it('attendAll over 4096 patches', () => expectEqual(attended), 240_000)
  },
)
