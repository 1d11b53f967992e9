import type { Backend, Weight } from '../contract.js'
import type { QuantType } from '../quant.js'
import {
  closeInRow,
  compare,
  input,
  MOST_ROWS,
  onBackend,
  ROWS,
  runOnce,
  sameBits,
  widthsOf,
  type Observation,
  type Scenario,
  type Suite,
} from './harness.js'
import { random, type Random } from './random.js'
import { tensor } from './tensor.js'

/** Output widths: whole and broken groups of 8 and of 4. */
const OUTS = [40, 29] as const
const VOCABULARY = 513

/** project, qkv, gatedUp, logits: rows of x against the rows of a weight. */
export function productOps(suite: Suite): void {
  const { describe, it, options } = suite
  const { product, productOnGrid } = options.tolerances

  for (const type of suite.types) {
    describe(`products with ${type} weights`, () => {
      it('project', () => compare(suite, 10, projects(type, anyValues), closeInRow(product), type))
      it('project, activations that 8 bits hold', () =>
        compare(suite, 11, projects(type, gridValues), closeInRow(productOnGrid), type))
      it('project, every weight and activation at its extreme', () =>
        compare(suite, 12, extremes(type), closeInRow(productOnGrid), type))
      it('project, rows of very different size', () =>
        compare(suite, 13, projects(type, unevenRows), closeInRow(product), type))
      it('qkv', () => compare(suite, 14, qkvs(type), closeInRow(productOnGrid), type))
      it('gatedUp', () => compare(suite, 15, gatedUps(type), closeInRow(product), type))
      it(`logits over ${VOCABULARY} rows, from any row`, () =>
        compare(suite, 16, logits(type), closeInRow(productOnGrid), type))
      if (options.batchInvariant) it('a row alone has the bits it has among others', () => batchInvariance(suite, type))
    })
  }

  describe('gatedUp', () => {
    it('gelu from -30000 to 30000', () => compare(suite, 17, gelus, closeInRow(Math.max(1e-5, productOnGrid), 1)))
  })
}

type Values = (rng: Random, rows: number, cols: number) => Float32Array

const anyValues: Values = (rng, rows, cols) => rng.normal(rows * cols)

/** Whole numbers up to ±127, the first of each 32 being at that end: quantising to 8 bits by 32 changes nothing. */
const gridValues: Values = (rng, rows, cols) =>
  Float32Array.from({ length: rows * cols }, (_, i) =>
    i % 32 === 0 ? (rng.below(2) ? 127 : -127) : rng.below(255) - 127,
  )

/** Row sizes from 1e-6 to 1e6: no scale may be shared between rows. */
const unevenRows: Values = (rng, rows, cols) =>
  rng.normal(rows * cols).map((value, i) => value * 10 ** ((Math.floor(i / cols) % 13) - 6))

function projects(type: QuantType, values: Values): Scenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    for (const cols of widthsOf(type)) {
      const x = await input(backend, 'x', MOST_ROWS, cols, values(rng, MOST_ROWS, cols))
      x.fill()
      for (const outs of OUTS) {
        const weight = await randomWeight(backend, rng, 'weight', type, outs, cols)
        const out = backend.buffer('out', MOST_ROWS, outs)
        const program = backend.record('project', (ops) => ops.project({ x: x.buffer, weight, out }))
        for (const rows of ROWS) {
          backend.run(program, { rows })
          const what = `${rows} x ${cols} · (${outs} x ${cols})ᵀ`
          observed.push({ what, cols: outs, values: await backend.read(out, rows) })
        }
      }
    }
    return observed
  }
}

/** All weights of a row equal and all activations ±127: the largest sums that integer kernels can meet. */
function extremes(type: QuantType): Scenario {
  return async (backend) => {
    const observed: Observation[] = []
    for (const cols of widthsOf(type)) {
      const signs = [1, -1]
      const weights = Float32Array.from({ length: 2 * cols }, (_, i) => signs[Math.floor(i / cols)])
      const values = Float32Array.from(
        { length: 4 * cols },
        (_, i) => 127 * extremeSign(Math.floor(i / cols), i % cols),
      )
      const x = await input(backend, 'x', 4, cols, values)
      const weight = await backend.load(tensor('weight', type, 2, cols, weights))
      const out = backend.buffer('out', 4, 2)
      x.fill()
      runOnce(backend, { rows: 4 }, (ops) => ops.project({ x: x.buffer, weight, out }))
      // One row of the four sums to zero and has no size of its own: all are compared with the largest.
      observed.push({ what: `${cols} columns`, cols: 8, values: await backend.read(out, 4) })
    }
    return observed
  }
}

/** Row 0 all +, row 1 all −, row 2 alternating by element, row 3 by four elements. */
function extremeSign(row: number, col: number): number {
  if (row === 0) return 1
  if (row === 1) return -1
  return (row === 2 ? col : col >> 2) % 2 === 0 ? 1 : -1
}

function qkvs(type: QuantType): Scenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    for (const cols of widthsOf(type)) {
      const x = await input(backend, 'x', MOST_ROWS, cols, gridValues(rng, MOST_ROWS, cols))
      const product = async (label: string, outs: number) => ({
        weight: await randomWeight(backend, rng, label, type, outs, cols),
        out: backend.buffer(label, MOST_ROWS, outs),
      })
      const [q, k, v] = [await product('q', 128), await product('k', 32), await product('v', 64)]
      x.fill()
      const program = backend.record('qkv', (ops) => ops.qkv({ x: x.buffer, q, k, v }))
      for (const rows of ROWS) {
        backend.run(program, { rows })
        for (const { out } of [q, k, v]) {
          observed.push({
            what: `${out.label}, ${rows} rows of ${cols}`,
            cols: out.cols,
            values: await backend.read(out, rows),
          })
        }
      }
    }
    return observed
  }
}

function gatedUps(type: QuantType): Scenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    for (const cols of widthsOf(type)) {
      const x = await input(backend, 'x', MOST_ROWS, cols, anyValues(rng, MOST_ROWS, cols))
      const gate = await randomWeight(backend, rng, 'gate', type, 96, cols)
      const up = await randomWeight(backend, rng, 'up', type, 96, cols)
      const out = backend.buffer('out', MOST_ROWS, 96)
      x.fill()
      const program = backend.record('gatedUp', (ops) => ops.gatedUp({ x: x.buffer, gate, up, out }))
      for (const rows of ROWS) {
        backend.run(program, { rows })
        observed.push({ what: `${rows} rows of ${cols}`, cols: 96, values: await backend.read(out, rows) })
      }
    }
    return observed
  }
}

/** x has one value a row; gate picks it out and up repeats it, so that out = gelu(value) · value. */
const gelus: Scenario = async (backend) => {
  const sizes = [0, 1e-3, 0.1, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 13, 15, 20, 50, 88, 100, 1e4, 3e4]
  const values = [...sizes, ...sizes.map((size) => -size)]
  const cols = 64
  const rows = values.length
  const x = await input(
    backend,
    'x',
    rows,
    cols,
    Float32Array.from({ length: rows * cols }, (_, i) => (Math.floor(i / cols) === i % cols ? values[i % cols] : 0)),
  )
  const identity = Float32Array.from({ length: cols * cols }, (_, i) => (Math.floor(i / cols) === i % cols ? 1 : 0))
  const gate = await backend.load(tensor('gate', 'F32', cols, cols, identity))
  const up = await backend.load(tensor('up', 'F32', cols, cols, new Float32Array(cols * cols).fill(1)))
  const out = backend.buffer('out', rows, cols)
  x.fill()
  runOnce(backend, { rows }, (ops) => ops.gatedUp({ x: x.buffer, gate, up, out }))
  return [{ what: 'gelu(x) · x', cols, values: await backend.read(out, rows) }]
}

function logits(type: QuantType): Scenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    for (const cols of widthsOf(type)) {
      const x = await input(backend, 'x', MOST_ROWS, cols, gridValues(rng, MOST_ROWS, cols))
      const weight = await randomWeight(backend, rng, 'table', type, VOCABULARY, cols)
      const out = backend.buffer('out', 5, VOCABULARY)
      x.fill()
      const program = backend.record('logits', (ops) => ops.logits({ x: x.buffer, weight, out }))
      for (const [from, rows] of [
        [0, 1],
        [129, 1],
        [64, 2],
        [1, 3],
        [125, 5],
        [undefined, 4],
      ] as const) {
        backend.run(program, from === undefined ? { rows } : { rows, from })
        const what = `rows ${from} and on, ${rows} of ${cols}`
        observed.push({ what, cols: VOCABULARY, values: await backend.read(out, rows) })
      }
    }
    return observed
  }
}

/** Every row of a step of n has the bits that it has in a step of its own, in all products. */
function batchInvariance(suite: Suite, type: QuantType): Promise<void> {
  return onBackend(suite.make, async (backend) => {
    const rng = random(18)
    const cols = widthsOf(type).includes(640) ? 640 : 768
    const outs = 40
    const x = await input(backend, 'x', MOST_ROWS, cols, anyValues(rng, MOST_ROWS, cols))
    const weight = await randomWeight(backend, rng, 'weight', type, outs, cols)
    const other = await randomWeight(backend, rng, 'other', type, outs, cols)
    const products = ['project', 'q', 'k', 'v', 'gated', 'logits'].map((label) =>
      backend.buffer(label, MOST_ROWS, outs),
    )
    const [out, q, k, v, gated, head] = products
    const program = backend.record('products', (ops) => {
      ops.project({ x: x.buffer, weight, out })
      ops.qkv({ x: x.buffer, q: { weight, out: q }, k: { weight: other, out: k }, v: { weight, out: v } })
      ops.gatedUp({ x: x.buffer, gate: weight, up: other, out: gated })
      ops.logits({ x: x.buffer, weight, out: head })
    })
    for (const rows of ROWS) {
      x.fill()
      backend.run(program, { rows })
      const together = await Promise.all(products.map((buffer) => backend.read(buffer, rows)))
      for (const r of new Set([0, rows >> 1, rows - 1])) {
        x.fill(Int32Array.of(r))
        backend.run(program, { rows: 1 })
        for (const [index, buffer] of products.entries()) {
          const alone = await backend.read(buffer, 1)
          const among = together[index].subarray(r * outs, (r + 1) * outs)
          sameBits(`${buffer.label}, row ${r} of ${rows}`, alone, among)
        }
      }
    }
  })
}

const randomWeight = (
  backend: Backend,
  rng: Random,
  name: string,
  type: QuantType,
  rows: number,
  cols: number,
): Promise<Weight> => backend.load(tensor(name, type, rows, cols, rng.normal(rows * cols, 1 / Math.sqrt(cols))))
