import { random, tensor } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import { testGpu } from '../testing/gpu.js'
import { webgpu } from '../webgpu.js'

const { gpu, missing } = await testGpu()

/** More than one workgroup ranks, and no multiple of what one does. */
const VOCABULARY = 5003
const COLS = 32

/** The best and the first of the four best of each row, whose logits are a table's column of that row. */
async function ranked(logitOf: (id: number, row: number) => number, rows: number) {
  await using backend = await webgpu({ gpu, selfCheck: false })
  const table = new Float32Array(VOCABULARY * COLS)
  for (let id = 0; id < VOCABULARY; id++) for (let row = 0; row < rows; row++) table[id * COLS + row] = logitOf(id, row)
  const weight = await backend.load(tensor('table', 'F32', VOCABULARY, COLS, table))
  const units = Float32Array.from({ length: rows * COLS }, (_, i) => Number(i % (COLS + 1) === 0))
  const rowsOfUnits = await backend.load(tensor('units', 'F32', rows, COLS, units))
  const [x, best, four] = [
    backend.buffer('x', rows, COLS),
    backend.buffer('best', rows, 2),
    backend.buffer('four', rows, 8),
  ]
  const program = backend.record('ranks', (ops) => {
    ops.embed({ weight: rowsOfUnits, scale: 1, out: x })
    ops.top({ x, weight, limit: VOCABULARY, count: 1, out: best })
    ops.top({ x, weight, limit: VOCABULARY, count: 4, out: four })
  })
  backend.run(program, { rows, ids: Int32Array.from({ length: rows }, (_, row) => row) })
  const [one, all] = [await backend.read(best, rows), await backend.read(four, rows)]
  return Array.from({ length: rows }, (_, row) => ({
    best: [one[2 * row], one[2 * row + 1]],
    first: [all[8 * row], all[8 * row + 4]],
  }))
}

describe.skipIf(missing !== '')('the best alone', () => {
  it('is the first of the best, the lowest id on ties', async () => {
    const values = random(9).normal(VOCABULARY)
    const rows = await ranked((id, row) => (row === 0 ? values[id] : Math.round(values[id] * row)), 5)
    for (const { best, first } of rows) expect(best).toEqual(first)
    const [{ best }] = rows
    expect(best[0]).toBe(values.indexOf(Math.max(...values)))
  })

  it('is nothing where nothing ranks', async () => {
    // NaN times 0 is NaN, too: one row only.
    const [{ best }] = await ranked(() => NaN, 1)
    expect(best).toEqual([-1, -Infinity])
  })
})
