import type { Ops, Step } from '../contract.js'
import type { QuantType } from '../quant.js'
import { reference } from '../reference.js'
import type { VisionBackend, VisionOps } from '../vision-ops.js'
import {
  closeEach,
  closeInRow,
  compareOn,
  fails,
  input,
  MOST_ROWS,
  onBackend,
  ROWS,
  widthsOf,
  type Closeness,
  type Observation,
  type Observed,
  type TestRunner,
  type Tolerances,
} from './harness.js'
import type { Random } from './random.js'
import { tensor } from './tensor.js'

const EPS = 1e-6
const OUTS = 48

/** What this part of the suite is given. */
interface ImageSuite extends TestRunner {
  readonly make: () => Promise<VisionBackend>
  readonly tolerances: Tolerances
  readonly types: readonly QuantType[]
}

type ImageScenario = (backend: VisionBackend, rng: Random) => Promise<Observed>

/** patches, layerNorm, linear, addLinear, attendAll, pool. */
export function imageOps({ describe, it, make, tolerances, types }: ImageSuite): void {
  const { elementwise, product, attend } = tolerances
  const compare = (seed: number, scenario: ImageScenario, close: Closeness): Promise<void> =>
    compareOn<VisionBackend>(make, async () => reference(), seed, scenario, close)

  describe('images', () => {
    it('patches, whatever their size', () => compare(1, cutting, closeEach(0)))
    for (const [name, scale, shift] of [
      ['ordinary values', 1, 0],
      ['values far from zero', 1, 1000],
      ['variances as small as eps', 1e-3, 0],
      ['rows of one value', 0, 3],
    ] as const) {
      it(`layerNorm: ${name}`, () => compare(2, layerNorms(scale, shift), closeInRow(elementwise, 1)))
    }
    for (const type of types) {
      it(`linear, with gelu and without, ${type}`, () => compare(3, linears(type), closeInRow(product)))
      it(`addLinear, ${type}`, () => compare(4, addLinears(type), closeInRow(product)))
    }
    for (const headDim of [16, 64, 72]) {
      it(`attendAll: heads of ${headDim}`, () => compare(5, attention(headDim, 1), closeInRow(attend.f32)))
      it(`attendAll: heads of ${headDim}, sharp`, () => compare(6, attention(headDim, 8), closeInRow(attend.f32)))
    }
    it('pool, whatever the grid', () => compare(7, pooling, closeInRow(elementwise)))
    it('refuse shapes that do not fit together', () => onBackend(make, refuseShapes))
    it('refuse steps that are not the whole image', () => onBackend(make, refuseSteps))
  })
}

const record = (backend: VisionBackend, build: (ops: Ops & VisionOps) => void) => backend.record('image', build)

async function cutting(backend: VisionBackend, rng: Random): Promise<Observed> {
  const observed: Observation[] = []
  for (const [side, patch] of [
    [6, 2],
    [14, 14],
    [112, 14],
  ]) {
    const [rows, cols] = [(side / patch) ** 2, 3 * patch * patch]
    const out = backend.buffer('patches', rows, cols)
    const program = record(backend, (ops) => ops.patches({ side, patch, out }))
    backend.run(program, { rows, pixels: rng.normal(3 * side * side) })
    observed.push({ what: `${side} by ${patch}`, cols, values: await backend.read(out, rows) })
  }
  return observed
}

function layerNorms(scale: number, shift: number): ImageScenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    for (const cols of widthsOf('F32')) {
      const values = rng.normal(MOST_ROWS * cols, scale).map((value) => value + shift)
      const x = await input(backend, 'x', MOST_ROWS, cols, values)
      const weight = await backend.load(tensor('weight', 'F32', 1, cols, rng.normal(cols)))
      const bias = await backend.load(tensor('bias', 'F32', 1, cols, rng.normal(cols)))
      const out = backend.buffer('out', MOST_ROWS, cols)
      const program = record(backend, (ops) => ops.layerNorm({ x: x.buffer, weight, bias, eps: EPS, out }))
      x.fill()
      for (const rows of ROWS) {
        backend.run(program, { rows })
        observed.push({ what: `${rows} rows of ${cols}`, cols, values: await backend.read(out, rows) })
      }
    }
    return observed
  }
}

function linears(type: QuantType): ImageScenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    for (const cols of widthsOf(type)) {
      const x = await input(backend, 'x', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols))
      const weight = await backend.load(tensor('weight', type, OUTS, cols, rng.normal(OUTS * cols, cols ** -0.5)))
      const bias = await backend.load(tensor('bias', 'F32', 1, OUTS, rng.normal(OUTS)))
      const out = backend.buffer('out', MOST_ROWS, OUTS)
      x.fill()
      for (const gelu of [false, true]) {
        const program = record(backend, (ops) => ops.linear({ x: x.buffer, weight, bias, gelu, out }))
        for (const rows of ROWS) {
          backend.run(program, { rows })
          const what = `${rows} rows of ${cols}${gelu ? ', gelu' : ''}`
          observed.push({ what, cols: OUTS, values: await backend.read(out, rows) })
        }
      }
    }
    return observed
  }
}

function addLinears(type: QuantType): ImageScenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    for (const cols of widthsOf(type)) {
      const x = await input(backend, 'x', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols))
      const sum = await input(backend, 'sum', MOST_ROWS, OUTS, rng.normal(MOST_ROWS * OUTS))
      const weight = await backend.load(tensor('weight', type, OUTS, cols, rng.normal(OUTS * cols, cols ** -0.5)))
      const bias = await backend.load(tensor('bias', 'F32', 1, OUTS, rng.normal(OUTS)))
      const program = record(backend, (ops) => ops.addLinear({ x: x.buffer, weight, bias, out: sum.buffer }))
      x.fill()
      for (const rows of ROWS) {
        sum.fill()
        backend.run(program, { rows })
        observed.push({ what: `${rows} rows of ${cols}`, cols: OUTS, values: await backend.read(sum.buffer, rows) })
      }
    }
    return observed
  }
}

function attention(headDim: number, sharpness: number): ImageScenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    const cols = 3 * headDim
    const [q, k, v] = [
      await input(backend, 'q', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols, sharpness)),
      await input(backend, 'k', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols)),
      await input(backend, 'v', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols)),
    ]
    for (const part of [q, k, v]) part.fill()
    const out = backend.buffer('out', MOST_ROWS, cols)
    const scale = headDim ** -0.5
    const program = record(backend, (ops) =>
      ops.attendAll({ q: q.buffer, k: k.buffer, v: v.buffer, headDim, scale, out }),
    )
    for (const rows of ROWS) {
      backend.run(program, { rows })
      observed.push({ what: `${rows} rows`, cols, values: await backend.read(out, rows) })
    }
    return observed
  }
}

async function pooling(backend: VisionBackend, rng: Random): Promise<Observed> {
  const observed: Observation[] = []
  for (const [columns, rowsOfGrid, size] of [
    [8, 8, 4],
    [12, 4, 2],
    [3, 6, 1],
    [64, 2, 2],
  ]) {
    const [rows, cols] = [columns * rowsOfGrid, 48]
    const x = await input(backend, 'x', rows, cols, rng.normal(rows * cols))
    // There may be more rows than squares.
    const squares = rows / size ** 2
    const out = backend.buffer('pooled', squares + 2, cols)
    const program = record(backend, (ops) => ops.pool({ x: x.buffer, columns, size, out }))
    x.fill()
    backend.run(program, { rows })
    const values = await backend.read(out, squares)
    observed.push({ what: `${columns} x ${rowsOfGrid} by ${size}`, cols, values })
  }
  return observed
}

async function refuseShapes(backend: VisionBackend): Promise<void> {
  const [x, y, wide] = [backend.buffer('x', 16, 48), backend.buffer('y', 16, 48), backend.buffer('wide', 16, 80)]
  const pooled = backend.buffer('pooled', 4, 48)
  const vector = (cols: number) => backend.load(tensor(`${cols}`, 'F32', 1, cols, new Float32Array(cols)))
  const [of48, of80] = [await vector(48), await vector(80)]
  const weight = await backend.load(tensor('w', 'F32', 80, 48, new Float32Array(80 * 48)))
  const cases: readonly (readonly [what: string, build: (ops: Ops & VisionOps) => void])[] = [
    ['a side of no whole patches', (ops) => ops.patches({ side: 15, patch: 4, out: x })],
    ['patches of another size', (ops) => ops.patches({ side: 8, patch: 2, out: x })],
    ['a bias of another length', (ops) => ops.layerNorm({ x, weight: of48, bias: of80, eps: EPS, out: y })],
    ['a bias as long as the input', (ops) => ops.linear({ x, weight, bias: of48, out: wide })],
    ['a sum of another width', (ops) => ops.addLinear({ x, weight, bias: of80, out: y })],
    ['no whole heads', (ops) => ops.attendAll({ q: x, k: x, v: x, headDim: 32, scale: 1, out: y })],
    ['keys of another width', (ops) => ops.attendAll({ q: x, k: wide, v: x, headDim: 16, scale: 1, out: y })],
    ['a result among its operands', (ops) => ops.attendAll({ q: x, k: y, v: x, headDim: 16, scale: 1, out: y })],
    ['squares that leave the grid', (ops) => ops.pool({ x, columns: 4, size: 3, out: pooled })],
    ['more squares than rows', (ops) => ops.pool({ x, columns: 4, size: 1, out: pooled })],
  ]
  for (const [what, build] of cases) await fails('backend/shape', what, () => record(backend, build))
}

async function refuseSteps(backend: VisionBackend): Promise<void> {
  const [x, pooled] = [backend.buffer('x', 16, 12), backend.buffer('pooled', 4, 12)]
  const program = record(backend, (ops) => {
    ops.patches({ side: 8, patch: 2, out: x })
    ops.pool({ x, columns: 4, size: 2, out: pooled })
  })
  const pixels = new Float32Array(3 * 64)
  const run = (step: Step): Promise<unknown> => {
    backend.run(program, step)
    return backend.read(pooled, 4)
  }
  await fails('backend/step', 'no pixels', () => run({ rows: 16 }))
  await fails('backend/step', 'too few pixels', () => run({ rows: 16, pixels: pixels.subarray(1) }))
  await fails('backend/step', 'a part of the rows', () => run({ rows: 15, pixels }))
  backend.run(program, { rows: 16, pixels })
  await backend.read(pooled, 4)
}
