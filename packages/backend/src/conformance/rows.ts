import type { QuantType } from '../quant.js'
import {
  closeEach,
  closeInRow,
  compare,
  input,
  MOST_ROWS,
  ROWS,
  runOnce,
  widthsOf,
  type Observation,
  type Scenario,
  type Suite,
} from './harness.js'
import { tensor } from './tensor.js'

const EPS = 1e-6
const VOCABULARY = 513

/** embed, norm, addNorm: one row in, one row out. */
export function rowOps(suite: Suite): void {
  const { it, options } = suite
  const { elementwise, productOnGrid } = options.tolerances

  suite.describe('embed', () => {
    for (const type of suite.types) {
      const close = type === 'F32' ? closeEach(elementwise) : closeInRow(productOnGrid)
      it(`rows of a ${type} table, scaled`, () => compare(suite, 1, embedding(type), close, type))
    }
  })

  suite.describe('norm', () => {
    // 103795 and 1657 are the largest residual and norm weight of the 270M. At 1e-3 eps weighs as much as x².
    for (const [name, scale, weightScale] of [
      ['ordinary values', 1, 1],
      ['huge values and weights', 103795, 1657],
      ['squares as small as eps', 1e-3, 1],
      ['squares far below eps', 1e-12, 1],
      ['zeros', 0, 1],
    ] as const) {
      it(name, () => compare(suite, 2, norms(scale, weightScale), closeEach(elementwise)))
    }
  })

  suite.describe('addNorm', () => {
    for (const [name, scale, weightScale] of [
      ['ordinary values', 1, 1],
      ['huge values and weights', 41312, 1657],
    ] as const) {
      it(name, () => compare(suite, 3, addNorms(scale, weightScale), closeInRow(elementwise)))
    }
  })
}

function embedding(type: QuantType): Scenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    for (const cols of widthsOf(type)) {
      const weight = await backend.load(tensor('table', type, VOCABULARY, cols, rng.normal(VOCABULARY * cols)))
      const out = backend.buffer('out', MOST_ROWS, cols)
      const program = backend.record('embed', (ops) => ops.embed({ weight, scale: Math.sqrt(cols), out }))
      for (const rows of ROWS) {
        const ids = Int32Array.from({ length: rows }, (_, r) => (r === 0 ? VOCABULARY - 1 : rng.below(VOCABULARY)))
        backend.run(program, { rows, ids })
        observed.push({ what: `${rows} rows of ${cols}`, cols, values: await backend.read(out, rows) })
      }
    }
    return observed
  }
}

function norms(scale: number, weightScale: number): Scenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    for (const cols of widthsOf('F32')) {
      const x = await input(backend, 'x', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols, scale))
      const weight = await backend.load(tensor('weight', 'F32', 1, cols, rng.normal(cols, weightScale)))
      const out = backend.buffer('out', MOST_ROWS, cols)
      x.fill()
      for (const rows of ROWS) {
        runOnce(backend, { rows }, (ops) => ops.norm({ x: x.buffer, weight, eps: EPS, out }))
        observed.push({ what: `${rows} rows of ${cols}`, cols, values: await backend.read(out, rows) })
      }
    }
    return observed
  }
}

function addNorms(scale: number, weightScale: number): Scenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    for (const cols of widthsOf('F32')) {
      const x = await input(backend, 'x', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols, scale))
      const y = await input(backend, 'y', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols, scale))
      const post = await backend.load(tensor('post', 'F32', 1, cols, rng.normal(cols, weightScale)))
      const next = await backend.load(tensor('next', 'F32', 1, cols, rng.normal(cols, weightScale)))
      const out = backend.buffer('out', MOST_ROWS, cols)
      for (const rows of ROWS) {
        x.fill()
        y.fill()
        runOnce(backend, { rows }, (ops) => ops.addNorm({ x: x.buffer, y: y.buffer, post, next, eps: EPS, out }))
        observed.push({ what: `sum, ${rows} rows of ${cols}`, cols, values: await backend.read(x.buffer, rows) })
        observed.push({ what: `norm, ${rows} rows of ${cols}`, cols, values: await backend.read(out, rows) })
      }
    }
    return observed
  }
}
