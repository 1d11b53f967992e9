import { random, tensor } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import { testGpu } from '../testing/gpu.js'
import { webgpu } from '../webgpu.js'

const { gpu, missing } = await testGpu()

const HEAD = 32
const LENGTH = 300

/** Keys and values of a text of three pages, in a cache whose step lists no more than `tableEntries` pages. */
async function textOf(rows: number, tableEntries = 3) {
  const rng = random(90)
  const backend = await webgpu({ gpu, selfCheck: false })
  const spec = { label: 'c', layers: 1, pages: 3, tableEntries, kvHeads: 1, headDim: HEAD, type: 'f32' } as const
  const cache = backend.cache(spec)
  const values = await backend.load(tensor('values', 'F32', LENGTH, HEAD, rng.normal(LENGTH * HEAD)))
  const queries = await backend.load(tensor('queries', 'F32', rows, HEAD, rng.normal(rows * HEAD)))
  const [k, q, out] = [
    backend.buffer('k', LENGTH, HEAD),
    backend.buffer('q', rows, HEAD),
    backend.buffer('out', rows, HEAD),
  ]
  const store = backend.record('store', (ops) => {
    ops.embed({ weight: values, scale: 1, out: k })
    ops.store({ k, v: k, cache, layer: 0 })
  })
  const attend = backend.record('attend', (ops) => {
    ops.embed({ weight: queries, scale: 1, out: q })
    ops.attend({ q, cache, layer: 0, scale: 0.2, out })
  })
  const every = Int32Array.from({ length: LENGTH }, (_, p) => p)
  const pages = Int32Array.of(0, 1, 2, 2, 0, 1).subarray(0, tableEntries)
  const view = (count: number, spans: Int32Array, tables = new Int32Array(count)) => ({
    slots: every.subarray(0, count),
    spans,
    tables,
    pages,
    entries: pages.length,
  })
  const own = Int32Array.from({ length: 2 * LENGTH }, (_, i) => (i >> 1) + (i & 1))
  backend.run(store, { rows: LENGTH, ids: every, views: [view(LENGTH, own)] })
  return {
    backend,
    /** What these queries make of the whole text, or of that which its pages are in another order. */
    attended: async (ids: readonly number[], tables?: readonly number[]) => {
      const spans = Int32Array.from({ length: 2 * ids.length }, (_, i) => (i & 1 ? LENGTH : 0))
      backend.run(attend, {
        rows: ids.length,
        ids: Int32Array.from(ids),
        views: [view(ids.length, spans, tables && Int32Array.from(tables))],
      })
      return backend.read(out, ids.length)
    },
  }
}

describe.skipIf(missing !== '')('attention, page by page or whole', () => {
  it('rows that share a table see more pages together than it lists, with the bits that each has alone', async () => {
    const { backend, attended } = await textOf(7)
    const all = await attended([0, 1, 2, 3, 4, 5, 6])
    for (const ids of [[0, 1, 2, 3], [4, 5, 6], [1], [6]]) {
      const some = await attended(ids)
      for (const [row, id] of ids.entries()) {
        expect(some.subarray(row * HEAD, (row + 1) * HEAD)).toEqual(all.subarray(id * HEAD, (id + 1) * HEAD))
      }
    }
    await backend.dispose()
  })

  it('rows of two texts that share a tile, or never do, have the bits that each has alone', async () => {
    const { backend, attended } = await textOf(9, 6)
    const ids = [0, 1, 2, 3, 4, 5, 6, 7, 8]
    for (const tables of [
      [0, 0, 0, 0, 0, 3, 3, 3, 3],
      [0, 3, 0, 3, 0, 3, 0, 3, 0],
    ]) {
      const all = await attended(ids, tables)
      for (const id of [0, 4, 5, 8]) {
        expect(await attended([id], [tables[id]])).toEqual(all.subarray(id * HEAD, (id + 1) * HEAD))
      }
    }
    await backend.dispose()
  })
})
