import { MOST_RANKED, type Backend, type Buffer, type Weight } from '../contract.js'
import type { QuantType } from '../quant.js'
import { fails, input, MOST_ROWS, onBackend, runOnce, sameBits, verify, widthsOf, type Suite } from './harness.js'
import { random } from './random.js'
import { tensor } from './tensor.js'

const VOCABULARY = 513

/** top: the largest logits, best first, with the bits that `logits` gives: nothing is allowed for rounding. */
export function topOp({ describe, it, make, types, options }: Suite): void {
  describe('top', () => {
    for (const type of types) {
      it(`ranks the very logits of ${type} weights`, () => onBackend(make, (backend) => ranksLogits(backend, type)))
      if (options.batchInvariant) {
        it(`gives a row of ${type} alone the bits it has among others`, () =>
          onBackend(make, (backend) => rowsStandAlone(backend, type)))
      }
    }
    for (const [name, limit, want, logitOf] of CASES) {
      it(name, () => onBackend(make, (backend) => verifyTop(backend, limit, want, logitOf)))
    }
    it('refuses counts, limits and buffers that do not fit', () => onBackend(make, refusals))
  })
}

type Case = readonly [name: string, limit: number, want: readonly number[], logitOf: (id: number) => number]

const CASES: readonly Case[] = [
  ['the largest first', VOCABULARY, [300, 299, 301, 298], (id) => -Math.abs(id - 300)],
  ['the first', VOCABULARY, [0, 1, 2], (id) => -id],
  ['the last', VOCABULARY, [512, 511, 510, 509, 508], (id) => id],
  ['equals by id, and cut', VOCABULARY, [200, 7, 9, 260], (id) => ({ 200: 6, 7: 5, 9: 5, 260: 5, 511: 5 })[id] ?? 1],
  ['the lowest ids when all are equal', VOCABULARY, Array.from({ length: MOST_RANKED }, (_, id) => id), () => -3],
  ['among negative ones', VOCABULARY, [130], (id) => (id === 130 ? -1 : -2)],
  ['across a limit that is no multiple of 4', 257, [256, 255], (id) => (id < 257 ? id : 1000)],
  ['below the limit only', 509, [508, 100], (id) => (id > 508 ? 9 : id === 508 ? 3 : id === 100 ? 2 : 1)],
  ['all there are', 3, [1, 2, 0], (id) => (id === 1 ? 5 : id)],
  ['the only one', 1, [0], (id) => id],
  ['no NaN, no −Infinity', VOCABULARY, [5, 2, -1, -1], (id) => ({ 5: 2, 2: -7 })[id] ?? (id % 2 ? NaN : -Infinity)],
]

/** Row r's logits are those of the case times r + 1, so every row has the same answer from different values. */
async function verifyTop(
  backend: Backend,
  limit: number,
  want: readonly number[],
  logitOf: (id: number) => number,
): Promise<void> {
  const rows = 5
  const cols = 32
  const count = want.length
  const units = Float32Array.from({ length: rows * cols }, (_, i) => (i % cols === 0 ? Math.floor(i / cols) + 1 : 0))
  const table = Float32Array.from({ length: VOCABULARY * cols }, (_, i) => (i % cols === 0 ? logitOf(i / cols) : 0))
  const x = await input(backend, 'x', rows, cols, units)
  const weight = await backend.load(tensor('table', 'F32', VOCABULARY, cols, table))
  const out = backend.buffer('top', rows, 2 * count)
  for (const live of [1, 2, rows]) {
    x.fill()
    runOnce(backend, { rows: live }, (ops) => ops.top({ x: x.buffer, weight, limit, count, out }))
    const got = await backend.read(out, live)
    const logits = want.map((id) => (id < 0 ? -Infinity : logitOf(id)))
    for (let r = 0; r < live; r++) {
      const expected = Float32Array.of(...want, ...logits.map((logit) => logit * (r + 1)))
      sameValues(`row ${r} of ${live}`, got.subarray(2 * count * r, 2 * count * (r + 1)), expected)
    }
  }
}

/** 0 and −0 are equal logits. */
const sameValues = (what: string, got: Float32Array, want: Float32Array): void =>
  verify(
    got.every((value, i) => value === want[i]),
    `${what}: ${got.join(' ')} instead of ${want.join(' ')}`,
  )

async function ranksLogits(backend: Backend, type: QuantType): Promise<void> {
  const rng = random(30)
  for (const cols of widthsOf(type)) {
    const x = await input(backend, 'x', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols))
    const weight = await tableOf(backend, type, cols)
    const logits = backend.buffer('logits', 33, VOCABULARY)
    x.fill()
    for (const [count, limit] of [
      [1, VOCABULARY],
      [5, 300],
      [MOST_RANKED, VOCABULARY],
    ] as const) {
      const out = backend.buffer('top', 33, 2 * count)
      const program = backend.record('head', (ops) => {
        ops.logits({ x: x.buffer, weight, out: logits })
        ops.top({ x: x.buffer, weight, limit, count, out })
      })
      for (const [from, rows] of [
        [0, 1],
        [129, 1],
        [64, 2],
        [1, 3],
        [122, 8],
        [undefined, 33],
      ] as const) {
        backend.run(program, from === undefined ? { rows } : { rows, from })
        const [all, got] = [await backend.read(logits, rows), await backend.read(out, rows)]
        for (let r = 0; r < rows; r++) {
          const row = all.subarray(r * VOCABULARY, r * VOCABULARY + limit)
          const order = Array.from(row.keys()).sort((a, b) => row[b] - row[a] || a - b)
          const ids = order.slice(0, count)
          const want = Float32Array.of(...ids, ...ids.map((id) => row[id]))
          sameBits(`row ${from} + ${r} of ${cols}`, got.subarray(2 * count * r, 2 * count * (r + 1)), want)
        }
      }
    }
  }
}

async function rowsStandAlone(backend: Backend, type: QuantType): Promise<void> {
  const cols = widthsOf(type).at(-1) ?? 256
  const rows = 9
  const x = await input(backend, 'x', rows, cols, random(31).normal(rows * cols))
  const weight = await tableOf(backend, type, cols)
  const [some, one] = ['some', 'one'].map((label): Buffer => backend.buffer(label, rows, 2 * MOST_RANKED))
  const record = (out: Buffer) =>
    backend.record('top', (ops) => ops.top({ x: x.buffer, weight, limit: VOCABULARY, count: MOST_RANKED, out }))
  const [together, alone] = [record(some), record(one)]
  x.fill()
  for (const live of [2, 4, 8, 9]) {
    backend.run(together, { rows: live })
    const all = await backend.read(some, live)
    for (let from = 0; from < live; from++) {
      backend.run(alone, { rows: 1, from })
      const want = await backend.read(one, 1)
      sameBits(`row ${from} of ${live}`, all.subarray(2 * MOST_RANKED * from, 2 * MOST_RANKED * (from + 1)), want)
    }
  }
}

async function refusals(backend: Backend): Promise<void> {
  const x = backend.buffer('x', 2, 64)
  const weight = await backend.load(tensor('table', 'F32', 100, 64, new Float32Array(6400)))
  const out = backend.buffer('out', 2, 8)
  const wide = backend.buffer('wide', 2, 2 * (MOST_RANKED + 1))
  const good = { x, weight, limit: 100, count: 4, out }
  for (const [what, wrong] of [
    ['no count', { count: 0 }],
    ['half a count', { count: 3.5 }],
    ['another count than out holds', { count: 3 }],
    ['more than can be ranked', { count: MOST_RANKED + 1, out: wide }],
    ['a limit below the count', { limit: 3 }],
    ['a limit past the rows', { limit: 101 }],
    ['limit NaN', { limit: NaN }],
    ['x of another width', { x: wide }],
    ['x as its own result', { count: 32, out: x }],
  ] as const) {
    await fails('backend/shape', what, () => backend.record('top', (ops) => ops.top({ ...good, ...wrong })))
  }
  const program = backend.record('top', (ops) => ops.top(good))
  await fails('backend/step', 'rows past x', async () => {
    backend.run(program, { rows: 1, from: 2 })
    await backend.read(out, 1)
  })
}

const tableOf = (backend: Backend, type: QuantType, cols: number): Promise<Weight> =>
  backend.load(tensor('table', type, VOCABULARY, cols, random(32).normal(VOCABULARY * cols, 1 / Math.sqrt(cols))))
