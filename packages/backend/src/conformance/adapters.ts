import type { Backend, Ops, Program } from '../contract.js'
import { hasLoraOps, type LoraBackend, type LoraOps } from '../lora-ops.js'
import type { QuantType } from '../quant.js'
import { reference } from '../reference.js'
import {
  closeInRow,
  compareOn,
  fails,
  input,
  MOST_ROWS,
  onBackend,
  ROWS,
  sameBits,
  verify,
  type Observation,
  type Observed,
  type TestRunner,
  type Tolerances,
} from './harness.js'
import { random, type Random } from './random.js'
import { tensor } from './tensor.js'

/** What this part of the suite is given. */
interface LoraSuite extends TestRunner {
  readonly make: () => Promise<Backend>
  readonly tolerances: Tolerances
  readonly types: readonly QuantType[]
}

type LoraScenario = (backend: LoraBackend, rng: Random) => Promise<Observed>

const OUTS = [96, 224] as const
/** Below, at and above tiles: kernels are those of products, which have all of `ROWS`. */
const SUM_ROWS = [1, 2, 5, 33, MOST_ROWS] as const

/** addProject, gate and release. */
export function loraOps({ describe, it, make, tolerances, types }: LoraSuite): void {
  const { product } = tolerances
  const own = async (): Promise<LoraBackend> => loraOf(await make())
  const compare = (seed: number, scenario: LoraScenario): Promise<void> =>
    compareOn<LoraBackend>(own, async () => reference(), seed, scenario, closeInRow(product))

  describe('adapters', () => {
    for (const type of types) it(`addProject, ${type}`, () => compare(80, sums(type)))
    it('addProject: ranks as small as can be', () =>
      onBackend(own, ({ caps }) => compare(81, sums('F32', [caps.rankStep, 2 * caps.rankStep, 3 * caps.rankStep]))))
    it('gate', () => compare(82, gates))
    it('a row alone has the bits that it has among others', () => onBackend(own, alone))
    it('release: what was enqueued is done, others get the room, and nothing else changes', () =>
      onBackend(own, releases))
    it('refuse shapes that do not fit', () => onBackend(own, refusals))
  })
}

function loraOf(backend: Backend): LoraBackend {
  verify(hasLoraOps(backend), 'the backend has no ops of adapters')
  return backend
}

const record = (backend: LoraBackend, build: (ops: Ops & LoraOps) => void): Program => backend.record('once', build)

function sums(type: QuantType, widths: readonly number[] = [32, 640]): LoraScenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    for (const cols of widths) {
      const x = await input(backend, 'x', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols))
      x.fill()
      for (const outs of OUTS) {
        const sum = await input(backend, 'sum', MOST_ROWS, outs, rng.normal(MOST_ROWS * outs))
        const weight = await backend.load(tensor('b', type, outs, cols, rng.normal(outs * cols, cols ** -0.5)))
        const program = record(backend, (ops) => ops.addProject({ x: x.buffer, weight, scale: -0.75, out: sum.buffer }))
        for (const rows of SUM_ROWS) {
          sum.fill()
          backend.run(program, { rows })
          const what = `${rows} rows of ${cols}, ${outs} outputs`
          observed.push({ what, cols: outs, values: await backend.read(sum.buffer, rows) })
        }
      }
    }
    return observed
  }
}

async function gates(backend: LoraBackend, rng: Random): Promise<Observed> {
  const observed: Observation[] = []
  for (const [cols, scale] of [
    [64, 1],
    [640, 4],
    [2048, 100],
  ]) {
    const out = await input(backend, 'gate', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols, scale))
    const up = await input(backend, 'up', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols))
    const program = record(backend, (ops) => ops.gate({ up: up.buffer, out: out.buffer }))
    up.fill()
    for (const rows of ROWS) {
      out.fill()
      backend.run(program, { rows })
      observed.push({ what: `${rows} rows of ${cols}`, cols, values: await backend.read(out.buffer, rows) })
    }
  }
  return observed
}

/** A program as adapters record one: a product, something added to it, and a gate. */
async function adapted(backend: LoraBackend, rng: Random) {
  const [width, rank, outs] = [64, 32, 96]
  const x = await input(backend, 'x', MOST_ROWS, width, rng.normal(MOST_ROWS * width))
  const load = (name: string, rows: number, cols: number) =>
    backend.load(tensor(name, 'F16', rows, cols, rng.normal(rows * cols, cols ** -0.5)))
  const [base, up] = [await load('base', outs, width), await load('up', outs, width)]
  const [a, b] = [await load('a', rank, width), await load('b', outs, rank)]
  const [out, other] = [backend.buffer('out', MOST_ROWS, outs), backend.buffer('other', MOST_ROWS, outs)]
  const thin = backend.buffer('thin', MOST_ROWS, rank)
  const program = record(backend, (ops) => {
    ops.project({ x: x.buffer, weight: base, out })
    ops.project({ x: x.buffer, weight: a, out: thin })
    ops.addProject({ x: thin, weight: b, scale: 2, out })
    ops.project({ x: x.buffer, weight: up, out: other })
    ops.gate({ up: other, out })
  })
  const plain = record(backend, (ops) => ops.gatedUp({ x: x.buffer, gate: base, up, out }))
  const values = async (run: Program, rows: number): Promise<Float32Array> => {
    x.fill()
    backend.run(run, { rows })
    return backend.read(out, rows)
  }
  return { x, a, b, out, thin, program, plain, outs, values }
}

async function alone(backend: LoraBackend): Promise<void> {
  const { x, out, program, outs, values } = await adapted(backend, random(83))
  const all = await values(program, MOST_ROWS)
  for (const row of [0, 1, 77, MOST_ROWS - 1]) {
    x.fill(Int32Array.of(row))
    backend.run(program, { rows: 1 })
    sameBits(`row ${row}`, await backend.read(out, 1), all.subarray(row * outs, (row + 1) * outs))
  }
}

async function releases(backend: LoraBackend): Promise<void> {
  const { x, a, b, out, thin, program, plain, values } = await adapted(backend, random(84))
  const [want, before] = [await values(program, 5), await values(plain, 5)]
  x.fill()
  backend.run(program, { rows: 5 })
  await backend.release([program], [a, b])
  sameBits('what was enqueued', await backend.read(out, 5), want)
  await fails('backend/foreign', 'a program that was given up', () => backend.run(program, { rows: 5 }))
  await fails('backend/foreign', 'a weight that was given up', () =>
    record(backend, (ops) => ops.project({ x: x.buffer, weight: a, out: thin })),
  )
  await backend.release([program], [a, b])
  // What comes next may lie where the others did.
  for (let time = 0; time < 3; time++) {
    const next = await adapted(backend, random(84))
    sameBits('the same once more', await next.values(next.program, 5), want)
    sameBits('what stayed', await values(plain, 5), before)
    await backend.release([next.program], [next.a, next.b])
  }
}

async function refusals(backend: LoraBackend): Promise<void> {
  const [x, y, wide] = [backend.buffer('x', 4, 64), backend.buffer('y', 4, 64), backend.buffer('wide', 4, 96)]
  const weight = await backend.load(tensor('w', 'F32', 96, 64, new Float32Array(96 * 64)))
  const cases: readonly (readonly [what: string, build: (ops: Ops & LoraOps) => void])[] = [
    ['a sum of another width', (ops) => ops.addProject({ x, weight, scale: 1, out: y })],
    ['an operand of another width', (ops) => ops.addProject({ x: wide, weight, scale: 1, out: wide })],
    ['a scale that is no number', (ops) => ops.addProject({ x, weight, scale: NaN, out: wide })],
    ['a gate of another width', (ops) => ops.gate({ up: x, out: wide })],
    ['a gate of itself', (ops) => ops.gate({ up: x, out: x })],
  ]
  for (const [what, build] of cases) await fails('backend/shape', what, () => record(backend, build))
  const program = record(backend, (ops) => ops.gate({ up: x, out: y }))
  await fails('backend/step', 'more rows than there are', () => backend.run(program, { rows: 5 }))
}
