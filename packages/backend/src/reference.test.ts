import { describe, expect, it } from 'vitest'
import type { Buffer } from './contract.js'
import { gelu } from './reference/project.js'
import { reference } from './reference.js'
import { conformance, logitConformance, loraConformance, tensor, trainConformance, visionConformance } from './test.js'

const EXACT = { elementwise: 0, rope: 0, product: 0, productOnGrid: 0, attend: { f32: 0, f16: 0, q8_0: 0 }, layers: 0 }

/** It meets itself here, so a type of each way to decode says as much as all of them, which CI runs: `G3_TESTS=whole`. */
const TYPES = process.env.G3_TESTS === 'whole' ? {} : { types: ['F32', 'Q5_0', 'Q4_K', 'IQ4_NL'] as const }

// It holds f16 as f32.
conformance(
  reference,
  { describe, it },
  { tolerances: EXACT, cacheTypes: ['f32', 'q8_0'], batchInvariant: true, ...TYPES },
)
logitConformance(reference, { describe, it }, { tolerances: EXACT })
loraConformance(reference, { describe, it }, { tolerances: EXACT, types: ['F32'] })
trainConformance(reference, { describe, it }, { tolerance: 0, types: ['F32'] })
visionConformance(reference, { describe, it }, { tolerances: EXACT, types: ['F32'], batchInvariant: true })

/** A backend with a buffer x that holds the given rows. */
async function holding(rows: readonly (readonly number[])[]) {
  const backend = reference()
  const cols = rows[0].length
  const load = (name: string, values: readonly (readonly number[])[]) =>
    backend.load(tensor(name, 'F32', values.length, values[0].length, Float32Array.from(values.flat())))
  const table = await load('rows', rows)
  const x = backend.buffer('x', rows.length, cols)
  const fill = backend.record('fill', (ops) => ops.embed({ weight: table, scale: 1, out: x }))
  backend.run(fill, { rows: rows.length, ids: Int32Array.from(rows.keys()) })
  const read = async (buffer: Buffer) => [...(await backend.read(buffer, buffer.rows))]
  return { backend, load, x, read }
}

describe('the formulas, by hand', () => {
  it('embed takes a row times the scale', async () => {
    const { backend, load, read } = await holding([[0, 0]])
    const weight = await load('table', [
      [1, 2],
      [3, 4],
      [5, 6],
    ])
    const out = backend.buffer('out', 2, 2)
    backend.run(
      backend.record('e', (ops) => ops.embed({ weight, scale: 10, out })),
      { rows: 2, ids: Int32Array.of(2, 0) },
    )
    expect(await read(out)).toEqual([50, 60, 10, 20])
  })

  it('norm divides by the root of the mean square', async () => {
    const { backend, load, x, read } = await holding([
      [3, 4, 3, 4],
      [0, 0, 0, 0],
    ])
    const weight = await load('w', [[1, 2, 0, -1]])
    const out = backend.buffer('out', 2, 4)
    const program = backend.record('n', (ops) => ops.norm({ x, weight, eps: 0, out }))
    backend.run(program, { rows: 1 })
    const root = Math.sqrt(12.5)
    expect(await read(out)).toEqual([3 / root, 8 / root, 0, -4 / root, 0, 0, 0, 0].map(Math.fround))
  })

  it('addNorm adds the normed row and norms the sum', async () => {
    const { backend, load, x, read } = await holding([[1, 1]])
    const post = await load('post', [[2, 4]])
    const next = await load('next', [[1, 10]])
    const [y, out] = [backend.buffer('y', 1, 2), backend.buffer('out', 1, 2)]
    const program = backend.record('a', (ops) => {
      ops.embed({ weight: post, scale: 0.5, out: y })
      ops.norm({ x: y, weight: next, eps: 0, out: y })
      ops.addNorm({ x, y, post, next, eps: 0, out })
    })
    backend.run(program, { rows: 1, ids: Int32Array.of(0) })
    // y = rms([1, 2]) · [1, 10] is parallel to [1, 20], so its rms is [1, 20] / sqrt(401 / 2).
    const sum = [1 + 2 / Math.sqrt(200.5), 1 + 80 / Math.sqrt(200.5)]
    const root = Math.sqrt((sum[0] ** 2 + sum[1] ** 2) / 2)
    expectClose(await read(x), sum)
    expectClose(await read(out), [sum[0] / root, (10 * sum[1]) / root])
  })

  it('project, qkv and logits multiply by the rows of a weight', async () => {
    const { backend, load, x, read } = await holding([
      [1, 2],
      [3, 4],
    ])
    const weight = await load('w', [
      [1, 0],
      [0, 1],
      [1, -1],
    ])
    const outs = ['p', 'q', 'k', 'v'].map((label) => backend.buffer(label, 2, 3))
    const [p, q, k, v] = outs
    const head = backend.buffer('head', 1, 3)
    const program = backend.record('p', (ops) => {
      ops.project({ x, weight, out: p })
      ops.qkv({ x, q: { weight, out: q }, k: { weight, out: k }, v: { weight, out: v } })
    })
    backend.run(program, { rows: 2 })
    for (const out of outs) expect(await read(out)).toEqual([1, 2, -1, 3, 4, -1])
    backend.run(
      backend.record('h', (ops) => ops.logits({ x, weight, out: head })),
      { rows: 1, from: 1 },
    )
    expect(await read(head)).toEqual([3, 4, -1])
  })

  it('gatedUp gates with the tanh form of gelu', async () => {
    const { backend, load, x, read } = await holding([[1, 3]])
    const gate = await load('gate', [
      [1, 0],
      [-2, 0],
    ])
    const up = await load('up', [
      [0, 1],
      [0, 2],
    ])
    const out = backend.buffer('out', 1, 2)
    backend.run(
      backend.record('g', (ops) => ops.gatedUp({ x, gate, up, out })),
      { rows: 1 },
    )
    expectClose(await read(out), [0.8411919906082768 * 3, -0.04540230591222494 * 6])
    expect(gelu(50)).toBe(50)
    expect(gelu(-50)).toBe(-0)
  })

  it('qkNormRope norms each head and turns its pairs', async () => {
    const { backend, load, x, read } = await holding([[2, 0, 0, 0, 0, 0, 0, 5]])
    const ones = await load('ones', [[1, 1, 1, 1]])
    const k = backend.buffer('k', 1, 4)
    const rope = { base: 100, scaling: 2 }
    const program = backend.record('r', (ops) =>
      ops.qkNormRope({ q: x, k, qNorm: ones, kNorm: ones, headDim: 4, eps: 0, rope }),
    )
    backend.run(program, { rows: 1, positions: Int32Array.of(3) })
    // Each head has one value, which the norm makes 2; frequencies are 1/2 and 1/20.
    const [wide, narrow] = [3 / 2, 3 / 20]
    const first = [2 * Math.cos(wide), 0, 2 * Math.sin(wide), 0]
    expectClose(await read(x), [...first, 0, -2 * Math.sin(narrow), 0, 2 * Math.cos(narrow)])
  })

  it('attend weighs the values of the slots that a row sees', async () => {
    const { backend, x, read } = await holding([
      [1, 0],
      [0, 1],
      [5, 5],
    ])
    const cache = backend.cache({
      label: 'c',
      layers: 1,
      pages: 2,
      tableEntries: 2,
      kvHeads: 1,
      headDim: 2,
      type: 'f32',
    })
    const out = backend.buffer('out', 3, 2)
    const store = backend.record('s', (ops) => ops.store({ k: x, v: x, cache, layer: 0 }))
    const attend = backend.record('a', (ops) => ops.attend({ q: x, cache, layer: 0, scale: Math.log(3), out }))
    // Positions 127, 128 and 129 of a text that has page 1 and then page 0.
    const slots = Int32Array.of(255, 0, 1)
    const spans = Int32Array.of(127, 129, 127, 128, 127, 129)
    const step = {
      rows: 3,
      views: [{ slots, spans, tables: new Int32Array(3), pages: Int32Array.of(1, 0), entries: 2 }],
    }
    backend.run(store, step)
    backend.run(attend, step)
    // Row 0 scores ln 3 with the first and 0 with the second, so it weighs them 3 : 1; row 1 sees the first; row 2 ties.
    expectClose(await read(out), [0.75, 0.25, 1, 0, 0.5, 0.5])
  })

  it('top ranks the largest products, from any row', async () => {
    const { backend, load, x, read } = await holding([
      [9, 9],
      [1, 2],
    ])
    const weight = await load('w', [
      [1, 0],
      [0, 2],
      [2, 1],
      [0, 9],
    ])
    const out = backend.buffer('out', 1, 4)
    const program = backend.record('t', (ops) => ops.top({ x, weight, limit: 3, count: 2, out }))
    backend.run(program, { rows: 1, from: 1 })
    expect(await read(out)).toEqual([1, 2, 4, 4])
  })
})

function expectClose(got: readonly number[], want: readonly number[]): void {
  expect(got.length).toBe(want.length)
  for (const [i, value] of want.entries()) expect(got[i]).toBeCloseTo(value, 5)
}
