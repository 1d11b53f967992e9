import type { CacheSpec } from '@g3/backend'
import { tensor } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import { largestBinding, webgpuFootprint } from './footprint.js'
import { counted } from './testing/counting.js'
import { testGpu } from './testing/gpu.js'
import { webgpu } from './webgpu.js'
import { AHEAD_BYTES } from './weights/load.js'

const { gpu, missing } = await testGpu()

const COLS = 512
const VOCABULARY = 8192
const cache: CacheSpec = {
  label: 'all',
  layers: 2,
  pages: 64,
  tableEntries: 4,
  kvHeads: 2,
  headDim: 64,
  type: 'f16',
}

describe.skipIf(missing !== '')('the footprint of a workload', () => {
  it.each(['f32', 'f16', 'q8_0'] as const)('is what a backend allocates for it, with a cache of %s', async (type) => {
    const adapter = await gpu.requestAdapter()
    const { device, take } = counted(await (adapter ?? expect.fail(missing)).requestDevice())
    const tensors = [
      tensor('table', 'Q4_K', VOCABULARY, COLS, new Float32Array(VOCABULARY * COLS)),
      tensor('norm', 'F32', 1, COLS, new Float32Array(COLS)),
    ]
    const buffers = [
      { rows: 256, cols: COLS },
      { rows: 8, cols: VOCABULARY },
    ]
    const caches = [{ ...cache, type }]
    await using backend = await webgpu({ device, selfCheck: false })
    const [weight] = await Promise.all(tensors.map((each) => backend.load(each)))
    const [x, logits] = buffers.map(({ rows, cols }, i) => backend.buffer(`buffer ${i}`, rows, cols))
    const store = backend.cache(caches[0])
    const ranked = backend.buffer('ranked', 8, 2)
    backend.record('head', (ops) => {
      ops.logits({ x, weight, out: logits })
      ops.top({ x, weight, limit: VOCABULARY, count: 1, out: ranked })
    })
    const { weightsBytes, cacheBytes, scratchBytes } = webgpuFootprint({ tensors, buffers, caches, rows: 256 })
    expect(cacheBytes).toBe(store.pageBytes * cache.pages)
    const headBytes = cacheBytes / (2 * cache.layers * cache.kvHeads)
    expect(largestBinding({ tensors, buffers: [], caches, rows: 256 })).toBe(headBytes)
    expect(largestBinding({ tensors, buffers, caches: [], rows: 256 })).toBe(
      Math.max(x.rows * COLS * 4, 8 * VOCABULARY * 4),
    )
    const expected = weightsBytes + cacheBytes + scratchBytes - AHEAD_BYTES
    const allocated = take().bufferBytes
    expect(expected / allocated).toBeGreaterThan(0.99)
    expect(expected / allocated).toBeLessThanOrEqual(1)
    device.destroy()
  })
})
