import type { Backend, Buffer, Ops, RopeScaling } from '../contract.js'
import type { LoraOps } from '../lora-ops.js'
import type { QuantType } from '../quant.js'
import { reference } from '../reference.js'
import { hasTrainOps, type TrainBackend, type TrainOps } from '../train-ops.js'
import {
  closeInRow,
  compareOn,
  fails,
  onBackend,
  sameBits,
  verify,
  type Observation,
  type Observed,
  type TestRunner,
} from './harness.js'
import { random, type Random } from './random.js'
import { tensor } from './tensor.js'

/** What this part of the suite is given. */
interface TrainSuite extends TestRunner {
  readonly make: () => Promise<Backend>
  /** The same on another number of threads, where that is to change no bit. */
  readonly makeOther?: (() => Promise<Backend>) | undefined
  readonly types: readonly QuantType[]
  /** Largest error, relative to the largest value of a row. */
  readonly tolerance: number
}

type Scenario = (backend: TrainBackend, rng: Random) => Promise<Observed>
type AllOps = Ops & LoraOps & TrainOps

/** Odd, below and above tiles. */
const ROWS = [1, 3, 37] as const
const MOST_ROWS = 40
const EPS = 1e-6

/** Gradients of every op, and what is learned. */
export function trainOps({ describe, it, make, makeOther, types, tolerance }: TrainSuite): void {
  const able = (open: () => Promise<Backend>) => async (): Promise<TrainBackend> => {
    const backend = await open()
    verify(hasTrainOps(backend), 'the backend has no ops of learning')
    return backend
  }
  const own = able(make)
  const compare = (seed: number, scenario: Scenario): Promise<void> =>
    compareOn<TrainBackend>(own, async () => reference(), seed, scenario, closeInRow(tolerance))

  describe('learning', () => {
    it('times, timesBack, addOuter', () => compare(90, thinProducts))
    for (const type of types) it(`projectBack, ${type}`, () => compare(91, projections(type)))
    it('normBack, normRopeBack, gateBack, copy', () => compare(92, rowGradients))
    it('attendRows and its gradients', () => compare(93, attention))
    it('crossEntropy', () => compare(94, entropies))
    it('refuse shapes that do not fit', () => onBackend(own, refusals))
    if (makeOther) {
      const other = able(makeOther)
      for (const [seed, scenario] of [
        thinProducts,
        projections('Q8_0'),
        rowGradients,
        attention,
        entropies,
      ].entries()) {
        it(`has the same bits on other threads, ${seed}`, async () => {
          const observe = (open: () => Promise<TrainBackend>): Promise<Observed> =>
            onBackend(open, (backend) => scenario(backend, random(95 + seed)))
          const [one, two] = [await observe(own), await observe(other)]
          for (const [n, { what, values }] of one.entries()) sameBits(what, values, two[n].values)
        })
      }
    }
  })
}

async function filled(
  backend: TrainBackend,
  label: string,
  rows: number,
  cols: number,
  values: Float32Array,
): Promise<Buffer> {
  const buffer = backend.buffer(label, rows, cols)
  await backend.write(buffer, values)
  return buffer
}

/** A maker of buffers of random rows. */
const rowsFrom =
  (backend: TrainBackend, rng: Random) =>
  (label: string, cols: number, rows = MOST_ROWS) =>
    filled(backend, label, rows, cols, rng.normal(rows * cols))

const POSITIONS = Int32Array.from({ length: MOST_ROWS }, (_, r) => 3 * r + 1)

/** Records and runs ops for each number of rows, and reads what they have written. */
async function observed(
  backend: TrainBackend,
  results: readonly Buffer[],
  build: (ops: AllOps) => void,
  wholeResults: readonly Buffer[] = [],
): Promise<Observation[]> {
  const program = backend.record('once', build)
  const found: Observation[] = []
  for (const rows of ROWS) {
    backend.run(program, { rows, positions: POSITIONS })
    for (const result of results)
      found.push({ what: `${result.label}, ${rows} rows`, cols: result.cols, values: await backend.read(result, rows) })
    for (const result of wholeResults) {
      const values = await backend.read(result, result.rows)
      // As one row: what is added up can come close to nothing.
      found.push({ what: `${result.label} after ${rows} rows`, cols: values.length, values })
    }
  }
  return found
}

async function thinProducts(backend: TrainBackend, rng: Random): Promise<Observed> {
  const fill = rowsFrom(backend, rng)
  const all: Observation[] = []
  for (const [cols, outs] of [
    [640, 8],
    [8, 96],
    [4, 64],
    [64, 12],
  ]) {
    const [x, y] = [await fill('x', cols), await fill('y', outs)]
    const [matrix, grad] = [await fill('matrix', cols, outs), await fill('outer', cols, outs)]
    const [sum, fresh, back, added] = [
      await fill('sum', outs),
      await fill('product', outs),
      await fill('back', cols),
      await fill('sum back', cols),
    ]
    all.push(
      ...(await observed(
        backend,
        [fresh, sum, back, added],
        (ops) => {
          ops.times({ x, matrix, scale: 1, out: fresh })
          ops.times({ x, matrix, scale: -0.5, add: true, out: sum })
          ops.timesBack({ y, matrix, scale: 0.75, out: back })
          ops.timesBack({ y, matrix, scale: 1, add: true, out: added })
          ops.addOuter({ y, x, scale: 2, out: grad })
        },
        [grad],
      )),
    )
  }
  return all
}

const projections =
  (type: QuantType): Scenario =>
  async (backend, rng) => {
    const fill = rowsFrom(backend, rng)
    const all: Observation[] = []
    for (const [cols, outs] of [
      [256, 100],
      [768, 40],
    ]) {
      const y = await fill('y', outs)
      const [fresh, sum] = [await fill('product', cols), await fill('sum', cols)]
      const weight = await backend.load(tensor('w', type, outs, cols, rng.normal(outs * cols, cols ** -0.5)))
      const build = (ops: AllOps): void => {
        ops.projectBack({ y, weight, out: fresh })
        ops.projectBack({ y, weight, add: true, out: sum })
      }
      all.push(...(await observed(backend, [fresh, sum], build)))
    }
    return all
  }

async function rowGradients(backend: TrainBackend, rng: Random): Promise<Observed> {
  const fill = rowsFrom(backend, rng)
  const [width, headDim] = [96, 32]
  const rope: RopeScaling = { base: 1e4, scaling: 8 }
  const [x, grad, out, sum, copy] = [
    await fill('x', width),
    await fill('grad', width),
    await fill('out', width),
    await fill('sum', width),
    await fill('copy', width),
  ]
  const [gate, gateGrad, upGrad, turned] = [
    await fill('gate', width),
    await fill('gate grad', width),
    await fill('up grad', width),
    await fill('turned', width),
  ]
  const weight = await backend.load(tensor('w', 'F32', 1, width, rng.normal(width)))
  const headWeight = await backend.load(tensor('hw', 'F32', 1, headDim, rng.normal(headDim)))
  return observed(backend, [out, sum, copy, turned, gateGrad, upGrad], (ops) => {
    ops.normBack({ x, weight, eps: EPS, grad, out })
    ops.normBack({ x, weight, eps: EPS, grad, add: true, out: sum })
    ops.copy({ x, out: copy })
    ops.copy({ x: grad, out: turned })
    ops.normRopeBack({ x, weight: headWeight, headDim, eps: EPS, rope, grad: turned })
    ops.gateBack({ gate, up: x, grad, gateGrad, upGrad })
  })
}

/** Two texts, the second of which sees a window and, in its middle, a few rows to come. */
function spansOf(): Float32Array {
  const spans = new Float32Array(2 * MOST_ROWS)
  const second = 11
  for (let r = 0; r < MOST_ROWS; r++) {
    const isImage = r >= 20 && r < 24
    spans.set(r < second ? [0, r + 1] : [Math.max(second, r - 8), isImage ? 24 : r + 1], 2 * r)
  }
  return spans
}

async function attention(backend: TrainBackend, rng: Random): Promise<Observed> {
  const all: Observation[] = []
  const fill = rowsFrom(backend, rng)
  const headDim = 32
  const spans = await filled(backend, 'spans', MOST_ROWS, 2, spansOf())
  for (const [heads, kvHeads] of [
    [4, 1],
    [4, 2],
    [3, 3],
    [6, 1],
  ]) {
    const [q, k, v, grad] = [
      await fill('q', heads * headDim),
      await fill('k', kvHeads * headDim),
      await fill('v', kvHeads * headDim),
      await fill('grad', heads * headDim),
    ]
    const [out, qGrad, kGrad, vGrad] = [
      await fill('out', q.cols),
      await fill('q grad', q.cols),
      await fill('k grad', k.cols),
      await fill('v grad', k.cols),
    ]
    const [sums, shares] = [await fill('sums', heads), await fill('shares', heads)]
    const args = { q, k, v, spans, headDim, scale: headDim ** -0.5, sums, out }
    const program = backend.record('once', (ops) => {
      ops.attendRows(args)
      ops.attendRowsBack({ ...args, shares, grad, qGrad, kGrad, vGrad })
    })
    // All rows: some see others that fewer would not have.
    backend.run(program, { rows: MOST_ROWS })
    for (const result of [out, sums, qGrad, kGrad, vGrad]) {
      all.push({
        what: `${result.label} of ${heads} heads`,
        cols: result.cols,
        values: await backend.read(result, MOST_ROWS),
      })
    }
  }
  return all
}

async function entropies(backend: TrainBackend, rng: Random): Promise<Observed> {
  const [vocab, most] = [2504, 5]
  const all: Observation[] = []
  for (const hasOther of [false, true]) {
    const logits = backend.buffer('logits', MOST_ROWS, vocab)
    const other = await filled(backend, 'other', MOST_ROWS, vocab, rng.normal(MOST_ROWS * vocab, 3))
    const values = rng.normal(MOST_ROWS * vocab, 3)
    const targets = new Float32Array(MOST_ROWS * (1 + 2 * most))
    for (let r = 0; r < MOST_ROWS; r++) {
      const at = r * (1 + 2 * most)
      targets[at] = hasOther ? 0.5 : 0
      for (let n = 0; n < most; n++) {
        targets[at + 1 + n] = n === r % most ? -1 : rng.below(vocab)
        targets[at + 1 + most + n] = rng.uniform()
      }
    }
    const wanted = await filled(backend, 'targets', MOST_ROWS, 1 + 2 * most, targets)
    const losses = backend.buffer('losses', MOST_ROWS, 2)
    const program = backend.record('once', (ops) =>
      ops.crossEntropy({ logits, targets: wanted, losses, ...(hasOther && { other }) }),
    )
    for (const rows of ROWS) {
      await backend.write(logits, values)
      backend.run(program, { rows })
      for (const result of [losses, logits])
        all.push({ what: `${result.label}, ${rows} rows`, cols: result.cols, values: await backend.read(result, rows) })
    }
  }
  return all
}

async function refusals(backend: TrainBackend): Promise<void> {
  const [x, wide, spans] = [backend.buffer('x', 4, 64), backend.buffer('wide', 4, 96), backend.buffer('spans', 4, 3)]
  const [heads, losses] = [backend.buffer('heads', 4, 2), backend.buffer('losses', 4, 2)]
  const weight = await backend.load(tensor('w', 'F32', 96, 64, new Float32Array(96 * 64)))
  const out = backend.buffer('out', 4, 64)
  const cases: readonly (readonly [what: string, build: (ops: AllOps) => void])[] = [
    ['a copy of another width', (ops) => ops.copy({ x, out: wide })],
    ['a thin product of another width', (ops) => ops.times({ x: wide, matrix: x, scale: 1, out: heads })],
    ['a scale that is no number', (ops) => ops.addOuter({ y: x, x, scale: NaN, out: backend.buffer('g', 64, 64) })],
    ['a gradient into its operand', (ops) => ops.projectBack({ y: wide, weight, out: wide })],
    ['a norm of another width', (ops) => ops.normBack({ x: wide, weight, eps: EPS, grad: wide, out: wide })],
    ['spans of three', (ops) => ops.attendRows({ q: x, k: x, v: x, spans, headDim: 32, scale: 1, sums: heads, out })],
    ['targets without their weights', (ops) => ops.crossEntropy({ logits: x, targets: heads, losses })],
  ]
  for (const [what, build] of cases) await fails('backend/shape', what, () => backend.record('once', build))
  const program = backend.record('once', (ops) => ops.copy({ x, out }))
  await fails('backend/step', 'more rows than there are', () => backend.run(program, { rows: 5 }))
}
