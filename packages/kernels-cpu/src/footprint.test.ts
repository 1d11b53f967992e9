import type { CacheSpec, PackedTensor, Workload } from '@g3/backend'
import { tensor } from '@g3/backend/test'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { cpu } from './cpu.js'
import { cpuFootprint } from './footprint.js'

const MEBIBYTE = 2 ** 20
const ROWS = 256
const COLS = 1024
const cache: CacheSpec = {
  label: 'all', layers: 2, pages: 64, tableEntries: 64, kvHeads: 2, headDim: 64, type: 'f16',
}

/** Two matrices of 4.25 MiB, some buffers, and a cache of 16.5 MiB. */
const workload = (): Omit<Workload, 'tensors'> & { readonly tensors: readonly PackedTensor[] } => {
  const values = new Float32Array(4096 * COLS)
  return {
    tensors: ['a', 'b'].map((name) => tensor(name, 'Q8_0', 4096, COLS, values)),
    buffers: [{ rows: ROWS, cols: COLS }, { rows: ROWS, cols: 4096 }, { rows: ROWS, cols: 128 }],
    caches: [cache],
    rows: ROWS,
  }
}

describe('the footprint of a workload', () => {
  afterEach(() => vi.restoreAllMocks())

  it.each(['f32', 'f16', 'q8_0'] as const)('is what a backend allocates for it, with a cache of %s', async (type) => {
    const opened = vi.spyOn(WebAssembly, 'Memory')
    const work = { ...workload(), caches: [{ ...cache, type }] }
    await using backend = await cpu({ threads: 1 })
    const [a, b] = await Promise.all(work.tensors.map((each) => backend.load(each)))
    const [x, wide, keys] = work.buffers.map(({ rows, cols }, i) => backend.buffer(`buffer ${i}`, rows, cols))
    const store = backend.cache(work.caches[0])
    backend.record('all', (ops) => {
      ops.project({ x, weight: a, out: wide })
      ops.project({ x, weight: b, out: wide })
      for (let layer = 0; layer < cache.layers; layer++) {
        ops.store({ k: keys, v: keys, cache: store, layer })
        ops.rerotate({ k: keys, cache: store, layer, rope: { base: 10_000, scaling: 1 } })
      }
    })
    const [{ value }] = opened.mock.results
    const allocated = (value as WebAssembly.Memory).buffer.byteLength
    const { weightsBytes, cacheBytes, scratchBytes } = cpuFootprint(work, { threads: 1 })
    expect(weightsBytes).toBe(2 * 4096 * (COLS / 32) * 34)
    expect(cacheBytes).toBe(store.pageBytes * cache.pages)
    const total = weightsBytes + cacheBytes + scratchBytes
    // Memory grows by 1/64 more than is needed, and what the footprint leaves out is smaller.
    expect(total).toBeLessThan(allocated)
    expect(total).toBeGreaterThan(0.97 * allocated)
  })

  it('takes a worker for each of several threads, and none for one', () => {
    const [one, two, three] = [1, 2, 3].map((threads) => cpuFootprint(workload(), { threads }).scratchBytes)
    expect(two - one).toBeGreaterThan(three - two)
    expect(three - two).toBeGreaterThan(10 * MEBIBYTE)
  })

  it('has buffers in each of several memories', () => {
    const work = workload()
    const matrix = work.tensors[0]
    const large = (count: number): Workload => ({ ...work, tensors: Array.from({ length: count }, () => matrix) })
    const [small, larger] = [large(700), large(1400)].map((each) => cpuFootprint(each, { threads: 1 }))
    expect(larger.weightsBytes).toBe(2 * small.weightsBytes)
    expect(small.weightsBytes).toBeLessThan(3.75 * 2 ** 30)
    expect(larger.scratchBytes).toBe(2 * small.scratchBytes)
  })

  it.each([0, 65, 1.5, NaN])('refuses %s threads', (threads) => {
    expect(() => cpuFootprint(workload(), { threads })).toThrow(expect.objectContaining({ code: 'cpu/options' }))
  })
})
