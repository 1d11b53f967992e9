import type { Backend, PackedTensor } from '@g3/backend'
import { random, tensor, viewOf } from '@g3/backend/test'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { cpu, type CpuOptions } from './cpu.js'
import { smallModel } from './testing/small-model.js'

const MEBIBYTE = 2 ** 20
const prompt = Array.from({ length: 70 }, (_, i) => (i * 37) % 200)

/** Logits, their largest and hidden states of a prompt that is taken by tickets, then of single tokens, then of a few. */
async function everything(options: CpuOptions): Promise<Float32Array[]> {
  await using backend = await cpu(options)
  const model = await smallModel(backend)
  const seen: Float32Array[] = []
  const step = async (ids: readonly number[], start: number): Promise<void> => {
    seen.push(await model.step(ids, start), await model.ranked(), await model.hidden(70))
  }
  await step(prompt, 0)
  await step([5], 70)
  await step([199], 71)
  await step([1, 2, 3], 72)
  return seen
}

describe('several memories', () => {
  const one = everything({ threads: 1 })
  const opened = vi.spyOn(WebAssembly, 'Memory')
  beforeEach(async () => {
    await one
    opened.mockClear()
  })

  const limits = [
    ['a memory for each matrix', { matrixBytes: 1 }, 15],
    ['matrices in four memories', { matrixBytes: 14_000 }, 4],
    ['a layer of the cache elsewhere', { bytes: 12 * MEBIBYTE }, 2],
  ] as const
  for (const [name, limit, count] of limits) {
    for (const threads of [1, 2, 3]) {
      it(`${name}, threads ${threads}: the bits of one memory`, async () => {
        expect(await everything({ threads, limits: limit })).toEqual(await one)
        expect(opened).toHaveBeenCalledTimes(count)
      })
    }
    it(`${name}, not shared: the bits of one memory`, async () => {
      expect(await everything({ limits: { ...limit, shared: false } })).toEqual(await one)
      expect(opened).toHaveBeenCalledTimes(count)
    })
  }
  it.each(['precise', 'exact'] as const)('%s: the bits of one memory', async (precision) => {
    const want = await everything({ threads: 2, precision })
    expect(await everything({ threads: 2, precision, limits: { matrixBytes: 1 } })).toEqual(want)
  })
})

/** Two square matrices in two memories, a table in the first, and buffers. */
async function apart(backend: Backend) {
  const rng = random(3)
  const matrix = (name: string, rows: number) => backend.load(tensor(name, 'F32', rows, 32, rng.normal(rows * 32)))
  return { table: await matrix('table', 50), a: await matrix('a', 32), b: await matrix('b', 32) }
}

describe('a buffer that programs write in different memories', () => {
  const ROWS = 6
  const each = { rows: ROWS, ids: Int32Array.of(1, 2, 3, 4, 5, 6) }
  const both = async (scenario: (backend: Backend) => Promise<Float32Array>): Promise<void> => {
    await using plain = await cpu({ threads: 2 })
    await using split = await cpu({ threads: 2, limits: { matrixBytes: 1 } })
    const want = await scenario(plain)
    expect(want.some((value) => value !== 0)).toBe(true)
    expect(await scenario(split)).toEqual(want)
  }

  it('has each row as it was written last', () =>
    both(async (backend) => {
      const { table, a, b } = await apart(backend)
      const [x, y] = [backend.buffer('x', ROWS, 32), backend.buffer('y', ROWS, 32)]
      const first = backend.record('first', (ops) => {
        ops.embed({ weight: table, scale: 1, out: x })
        ops.project({ x, weight: a, out: y })
      })
      const second = backend.record('second', (ops) => ops.project({ x, weight: b, out: y }))
      backend.run(first, each)
      backend.run(second, { rows: 2 })
      return backend.read(y, ROWS)
    }))

  it('is read as an earlier program left it', () =>
    both(async (backend) => {
      const { table, a, b } = await apart(backend)
      const [x, y, z] = [backend.buffer('x', ROWS, 32), backend.buffer('y', ROWS, 32), backend.buffer('z', ROWS, 32)]
      const reader = backend.record('reader', (ops) => ops.project({ x: y, weight: a, out: z }))
      const writer = backend.record('writer', (ops) => {
        ops.embed({ weight: table, scale: 1, out: x })
        ops.project({ x, weight: b, out: y })
      })
      backend.run(writer, each)
      backend.run(reader, { rows: ROWS })
      return backend.read(z, ROWS)
    }))

  it('gives logits of rows that this step wrote and of rows that an earlier one did', () =>
    both(async (backend) => {
      const { table, a, b } = await apart(backend)
      const [x, y, out] = [backend.buffer('x', ROWS, 32), backend.buffer('y', ROWS, 32), backend.buffer('out', 3, 32)]
      const write = (weight: typeof a) =>
        backend.record('write', (ops) => {
          ops.embed({ weight: table, scale: 1, out: x })
          ops.project({ x, weight, out: y })
        })
      const [home, away] = [write(a), write(b)]
      const both = backend.record('write and read', (ops) => {
        ops.embed({ weight: table, scale: 1, out: x })
        ops.project({ x, weight: b, out: y })
        ops.logits({ x: y, weight: b, out })
      })
      backend.run(home, each)
      backend.run(away, { rows: 4, ids: Int32Array.of(9, 9, 9, 9) })
      // Row 2 is of this step, row 3 of the one before, row 4 of the first.
      backend.run(both, { rows: 3, from: 2, ids: Int32Array.of(7, 7, 7) })
      return backend.read(out, 3)
    }))

  it('is zero where no program wrote', async () => {
    await using backend = await cpu({ threads: 1 })
    const into = new Float32Array(8).fill(3)
    await backend.read(backend.buffer('untouched', 2, 3), 2, into)
    expect([...into]).toEqual([0, 0, 0, 0, 0, 0, 3, 3])
  })
})

describe('memories that are opened while programs wait', () => {
  it('are known to all threads when their first job comes', async () => {
    await using backend = await cpu({ threads: 3, limits: { bytes: 12 * MEBIBYTE } })
    const table = await backend.load(tensor('table', 'F32', 50, 32, random(1).normal(1600)))
    const [x, out] = [backend.buffer('x', 40, 32), backend.buffer('out', 40, 32)]
    const fill = backend.record('fill', (ops) => ops.embed({ weight: table, scale: 1, out: x }))
    const ids = Int32Array.from({ length: 40 }, (_, r) => r)
    const results: Float32Array[] = []
    for (let turn = 0; turn < 12; turn++) {
      for (let i = 0; i < 20; i++) backend.run(fill, { rows: 40, ids })
      // More than 4 MiB: two fit beside each other.
      const cache = backend.cache({
        label: `cache ${turn}`, layers: 1, pages: 256, tableEntries: 1, kvHeads: 1, headDim: 32, type: 'f16',
      })
      const round = backend.record('round', (ops) => {
        ops.store({ k: x, v: x, cache, layer: 0 })
        ops.attend({ q: x, cache, layer: 0, scale: 1, out })
      })
      const view = viewOf({ table: [0], positions: ids, spans: Array.from(ids, (_, row) => [0, row + 1] as const) })
      backend.run(round, { rows: 40, views: Array.from({ length: turn + 1 }, () => view) })
      results.push(await backend.read(out, 40))
    }
    expect(results.every((values) => values.some((value) => value !== 0))).toBe(true)
    for (const values of results) expect(values).toEqual(results[0])
  })
})

describe('caches that fill memories', () => {
  it('leave room for activations and scratch', async () => {
    const ROWS = 512
    const LAYERS = 20
    const attendAll = async (limits: CpuOptions['limits']): Promise<Float32Array> => {
      await using backend = await cpu({ threads: 2, ...(limits && { limits }) })
      const rng = random(2)
      const table = async (cols: number) => backend.load(tensor('table', 'F32', 10, cols, rng.normal(10 * cols)))
      const [narrow, wide] = [await table(256), await table(4096)]
      const k = backend.buffer('k', ROWS, 256)
      // 8 MiB each; a layer of the cache has 4.
      const [x, out] = [backend.buffer('x', ROWS, 4096), backend.buffer('out', ROWS, 4096)]
      const cache = backend.cache({
        label: 'c', layers: LAYERS, pages: 32, tableEntries: 32, kvHeads: 1, headDim: 256, type: 'f16',
      })
      const program = backend.record('all layers', (ops) => {
        ops.embed({ weight: narrow, scale: 1, out: k })
        ops.embed({ weight: wide, scale: 1, out: x })
        for (let layer = 0; layer < LAYERS; layer++) {
          ops.store({ k, v: k, cache, layer })
          ops.attend({ q: x, cache, layer, scale: 0.1, out })
        }
      })
      const view = viewOf({ table: [0], positions: [0, 1], spans: [[0, 1], [0, 2]] })
      backend.run(program, { rows: 2, ids: Int32Array.of(3, 9), views: [view] })
      return await backend.read(out, 2)
    }
    expect(await attendAll({ bytes: 64 * MEBIBYTE })).toEqual(await attendAll(undefined))
  })
})

describe('what does not fit', () => {
  const small = { threads: 1, limits: { bytes: 16 * MEBIBYTE } } as const
  const tooLarge: PackedTensor = { name: 'large', type: 'F32', rows: 65_536, cols: 256, read: async () => {} }

  it('is refused with its size: a matrix, a buffer, a layer of a cache', async () => {
    await using backend = await cpu(small)
    const refused = { code: 'backend/out-of-memory', message: expect.stringMatching(/^needs 65 MiB .*16 MiB at most/) }
    await expect(backend.load(tooLarge)).rejects.toMatchObject(refused)
    expect(() => backend.buffer('b', 65_536, 256)).toThrow(expect.objectContaining(refused))
    const cache = { label: 'c', layers: 1, pages: 512, tableEntries: 512, kvHeads: 1, headDim: 256, type: 'f16' } as const
    expect(() => backend.cache(cache)).toThrow(expect.objectContaining(refused))
  })
  it('leaves the backend usable', async () => {
    await using backend = await cpu(small)
    await expect(backend.load(tooLarge)).rejects.toThrow()
    const model = await smallModel(backend)
    expect((await model.step([1], 0)).some((value) => value !== 0)).toBe(true)
  })
})
