import { random, tensor } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import { testGpu } from '../testing/gpu.js'
import { webgpu } from '../webgpu.js'

const { gpu, missing } = await testGpu()

const COLS = 64
const OUTS = 643
const ROWS = 9

// Seven seconds of compiling for lavapipe. Goldens run such tiles too.
describe.skipIf(missing !== '' || process.env.G3_GPU !== 'whole')('products of large matrices', () => {
  it('a row has the bits in a large tile that it has alone', async () => {
    const rng = random(91)
    await using backend = await webgpu({ gpu, selfCheck: false, unrolled: false })
    const weight = await backend.load(tensor('w', 'Q5_0', OUTS, COLS, rng.normal(OUTS * COLS)))
    const values = await backend.load(tensor('x', 'F32', ROWS, COLS, rng.normal(ROWS * COLS)))
    const [x, out] = [backend.buffer('x', ROWS, COLS), backend.buffer('out', ROWS, OUTS)]
    const program = backend.record('product', (ops) => {
      ops.embed({ weight: values, scale: 1, out: x })
      ops.project({ x, weight, out })
    })
    const products = async (...ids: readonly number[]): Promise<Float32Array> => {
      backend.run(program, { rows: ids.length, ids: Int32Array.from(ids) })
      return backend.read(out, ids.length)
    }
    const all = await products(0, 1, 2, 3, 4, 5, 6, 7, 8)
    for (const id of [0, 7, 8]) {
      const alone = await products(id)
      expect(alone.some((value) => value !== 0)).toBe(true)
      expect(alone).toEqual(all.subarray(id * OUTS, (id + 1) * OUTS))
    }
  })
})
