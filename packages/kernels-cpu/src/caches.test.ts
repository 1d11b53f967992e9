import { random, tensor, viewOf } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import { cpu } from './cpu.js'

const ROWS = 40
const BLOCK = 32

describe('a cache of q8_0', () => {
  it.each(['auto', 'plain'] as const)('keeps blocks exact beside a hundred times larger ones, simd %s', async (simd) => {
    const sizes = [100, 1, 10]
    const cols = BLOCK * sizes.length
    const uniform = random(5)
    const values = Float32Array.from({ length: ROWS * cols }, (_, i) => {
      const size = sizes[Math.floor((i % cols) / BLOCK)]
      return size * (0.5 + uniform.below(1000) / 2000)
    })
    await using backend = await cpu({ threads: 1, simd })
    const cache = backend.cache({ label: 'all', layers: 1, pages: 1, tableEntries: 1, kvHeads: 1, headDim: cols, type: 'q8_0' })
    const [q, k, v, out] = ['q', 'k', 'v', 'out'].map((label) => backend.buffer(label, ROWS, cols))
    const text = await backend.load(tensor('values', 'F32', ROWS, cols, values))
    const ids = Int32Array.from({ length: ROWS }, (_, i) => i)
    // Queries of zero see all positions alike: what comes out is the mean.
    const program = backend.record('mean', (ops) => {
      ops.embed({ weight: text, scale: 0, out: q })
      ops.embed({ weight: text, scale: 1, out: k })
      ops.embed({ weight: text, scale: 1, out: v })
      ops.store({ k, v, cache, layer: 0 })
      ops.attend({ q, cache, layer: 0, scale: 1, out })
    })
    const view = viewOf({ table: [0], positions: ids, spans: Array.from(ids, () => [0, ROWS] as const) })
    backend.run(program, { rows: ROWS, ids, views: [view] })
    const mean = await backend.read(out, 1)
    for (const [at, value] of mean.entries()) {
      const column = Array.from(ids, (row) => values[row * cols + at])
      const expected = column.reduce((sum, each) => sum + each) / ROWS
      // Half a level, 1/254 of the largest, would be that far only if all rows were rounded one way.
      expect(Math.abs(value - expected)).toBeLessThan(0.002 * sizes[Math.floor(at / BLOCK)])
    }
  })
})
