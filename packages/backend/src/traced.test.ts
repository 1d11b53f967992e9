import { describe, expect, it } from 'vitest'
import { reference } from './reference.js'
import { conformance, tensor } from './test.js'
import { traced, type TraceEvent } from './traced.js'

describe('traced', () => {
  const setUp = async (sink: (event: TraceEvent) => void | Promise<void>) => {
    const backend = traced(reference(), sink)
    const table = await backend.load(tensor('table', 'F32', 3, 2, Float32Array.of(1, 2, 3, 4, 5, 6)))
    const [x, out] = [backend.buffer('x', 2, 2), backend.buffer('out', 2, 3)]
    const program = backend.record('two ops', (ops) => {
      ops.embed({ weight: table, scale: 1, out: x })
      ops.project({ x, weight: table, out })
      ops.embed({ weight: table, scale: 10, out: x })
    })
    return { backend, program, x, out }
  }

  it('names and copies what each op wrote, in order', async () => {
    const events: TraceEvent[] = []
    const { backend, program, x } = await setUp((event) => void events.push(event))
    const ids = Int32Array.of(2, 0)
    backend.run(program, { rows: 2, ids })
    ids.fill(1)
    expect([...(await backend.read(x, 2))]).toEqual([50, 60, 10, 20])
    expect(events.map(({ values, ...rest }) => ({ ...rest, values: [...values] }))).toEqual([
      { program: 'two ops', op: 'embed', call: 0, buffer: 'x', rows: 2, cols: 2, values: [5, 6, 1, 2] },
      { program: 'two ops', op: 'project', call: 1, buffer: 'out', rows: 2, cols: 3, values: [17, 39, 61, 5, 11, 17] },
      { program: 'two ops', op: 'embed', call: 2, buffer: 'x', rows: 2, cols: 2, values: [50, 60, 10, 20] },
    ])
  })

  it('passes an error of the sink to the next read and goes on after it', async () => {
    let broken = true
    const { backend, program, out } = await setUp(() => {
      if (broken) throw new Error('disk full')
    })
    backend.run(program, { rows: 1, ids: Int32Array.of(1) })
    await expect(backend.read(out, 1)).rejects.toThrow('disk full')
    broken = false
    backend.run(program, { rows: 1, ids: Int32Array.of(0) })
    expect([...(await backend.read(out, 1))]).toEqual([5, 11, 17])
  })
})

it('names the ops of images, too, where the backend has them', async () => {
  const events: TraceEvent[] = []
  const backend = traced(reference(), (event) => void events.push(event))
  const [cut, pooled] = [backend.buffer('cut', 4, 3), backend.buffer('pooled', 2, 3)]
  const program = backend.record('image', (ops) => {
    ops.patches({ side: 2, patch: 1, out: cut })
    ops.pool({ x: cut, columns: 2, size: 2, out: pooled })
  })
  backend.run(program, { rows: 4, pixels: Float32Array.from({ length: 12 }, (_, i) => i) })
  expect([...(await backend.read(pooled, 2))]).toEqual([1.5, 5.5, 9.5, 0, 0, 0])
  expect(events.map(({ op, buffer, rows, values }) => [op, buffer, rows, [...values]])).toEqual([
    ['patches', 'cut', 4, [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]],
    ['pool', 'pooled', 1, [1.5, 5.5, 9.5]],
  ])
})

describe('a traced backend keeps the contract', () => {
  const exact = {
    elementwise: 0,
    rope: 0,
    product: 0,
    productOnGrid: 0,
    attend: { f32: 0, f16: 0, q8_0: 0 },
    layers: 0,
  }
  conformance(
    () => traced(reference(), () => {}),
    { describe, it },
    { tolerances: exact, types: ['F32'], batchInvariant: true },
  )
})
