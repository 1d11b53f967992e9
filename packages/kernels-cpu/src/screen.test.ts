import { type Backend, MOST_RANKED, type PackedTensor, toHalf } from '@g3/backend'
import { type Random, random } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import { cpu } from './cpu.js'

/*
 * The head's screen (`assembly/head/screen.ts`) has to give the bits of the plain head. The cases below make weights
 * and activations of which it would lose some of the largest if its bound were too tight. `fast` sums in the form that
 * this machine likes, `precise` always in pairs.
 */

const ROWS = 8
const VOCABULARY = 2043
const COLS = 256
const BLOCKS = COLS / 32
const COUNTS = [1, 5, MOST_RANKED]

interface Case {
  /** f32 [ROWS, COLS] */
  readonly x: Float32Array
  /** [VOCABULARY, COLS] levels and [VOCABULARY, BLOCKS] scales */
  readonly q: Int8Array
  readonly d: Float32Array
}

const tensorOf = (name: string, type: 'F32' | 'Q8_0', rows: number, bytes: Uint8Array): PackedTensor => ({
  name, type, rows, cols: COLS,
  async read(offset, into) {
    into.set(bytes.subarray(offset, offset + into.length))
  },
})

function packed({ q, d }: Case): Uint8Array {
  const bytes = new Uint8Array(d.length * 34)
  const view = new DataView(bytes.buffer)
  for (const [b, scale] of d.entries()) {
    view.setUint16(34 * b, toHalf(scale), true)
    bytes.set(new Uint8Array(q.buffer, 32 * b, 32), 34 * b + 2)
  }
  return bytes
}

/** Compares `top` with the ranking of what `logits` gives. */
async function verify(backend: Backend, made: Case): Promise<void> {
  const rows = await backend.load(tensorOf('x', 'F32', ROWS, new Uint8Array(made.x.buffer)))
  const weight = await backend.load(tensorOf('table', 'Q8_0', VOCABULARY, packed(made)))
  const [x, logits] = [backend.buffer('x', ROWS, COLS), backend.buffer('logits', ROWS, VOCABULARY)]
  const fill = backend.record('fill', (ops) => ops.embed({ weight: rows, scale: 1, out: x }))
  const plain = backend.record('plain', (ops) => ops.logits({ x, weight, out: logits }))
  backend.run(fill, { rows: ROWS, ids: Int32Array.from({ length: ROWS }, (_, r) => r) })
  backend.run(plain, { rows: ROWS })
  const all = await backend.read(logits, ROWS)
  const order = Array.from({ length: ROWS }, (_, r) => {
    const row = all.subarray(r * VOCABULARY, (r + 1) * VOCABULARY)
    const ids = Array.from(row.keys()).filter((id) => row[id] > -Infinity)
    return { row, ids: ids.sort((a, b) => row[b] - row[a] || a - b) }
  })
  for (const count of COUNTS) {
    const out = backend.buffer('top', ROWS, 2 * count)
    const top = backend.record('top', (ops) => ops.top({ x, weight, limit: VOCABULARY, count, out }))
    for (const live of [3, ROWS]) {
      backend.run(top, { rows: live })
      const got = await backend.read(out, live)
      for (let r = 0; r < live; r++) {
        const { row, ids } = order[r]
        const best = Array.from({ length: count }, (_, n) => ids[n] ?? -1)
        const want = [...best, ...best.map((id) => row[id] ?? -Infinity)]
        expect(Array.from(got.subarray(2 * count * r, 2 * count * (r + 1)))).toEqual(want)
      }
    }
  }
}

type Scenario = (rng: Random) => Case

const level = (value: number): number => Math.max(-128, Math.min(127, Math.round(value)))
const bell = (rng: Random): number => rng.normal(1)[0]
const levels = (of: (row: number, k: number) => number): Int8Array =>
  Int8Array.from({ length: VOCABULARY * COLS }, (_, i) => level(of(Math.floor(i / COLS), i % COLS)))
const scales = (of: (row: number) => number): Float32Array =>
  Float32Array.from({ length: VOCABULARY * BLOCKS }, (_, i) => of(Math.floor(i / BLOCKS)))

/** Normal weights of about the size of a head's, and activations with outliers of `outlier` times the others. */
const ordinary = (outlier: number): Scenario => (rng) => {
  const noise = rng.normal(VOCABULARY * COLS, 45)
  const x = rng.normal(ROWS * COLS)
  for (let r = 0; r < ROWS; r++) x[r * COLS + rng.below(COLS)] *= outlier
  return { x, q: levels((row, k) => noise[row * COLS + k]), d: scales(() => 0.01 * (1 + 0.2 * bell(rng))) }
}

/**
 * Rows that are alike but for what halves leave out: their lowest bits all add to the logit or all take from it, so
 * that the largest is not among those that look it.
 */
const lowestBits: Scenario = (rng) => {
  const x = rng.normal(COLS)
  const toward = Array.from({ length: VOCABULARY }, (_, row) => (row % 7 === 3 ? 1 : -1))
  const share = Array.from({ length: VOCABULARY }, () => 20 + 0.5 * rng.uniform())
  const noise = rng.normal(VOCABULARY * COLS, 20)
  const q = levels((row, k) => {
    const high = 2 * Math.round((share[row] * x[k] + noise[row * COLS + k]) / 2)
    return high + (x[k] * toward[row] > 0 ? 1 : 0)
  })
  return { x: among(x, rng), q, d: scales(() => 0.01) }
}

/** Rows along, or against, what the 8-bit form of the activations leaves out: there Cauchy-Schwarz is tight. */
const rounding: Scenario = (rng) => {
  const x = rng.normal(COLS)
  const rest = restOf(x)
  const most = rest.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0)
  const toward = Array.from({ length: VOCABULARY }, (_, row) => (row % 5 === 2 ? 1 : -1))
  const share = Array.from({ length: VOCABULARY }, () => 6 + 0.3 * rng.uniform())
  const q = levels((row, k) => 2 * Math.round((share[row] * x[k] + (toward[row] * 100 * rest[k]) / most) / 2) + (k & 1))
  return { x: among(x, rng), q, d: scales(() => 0.02) }
}

/** [ROWS, COLS]: `x` in some rows, others beside it. */
function among(x: Float32Array, rng: Random): Float32Array {
  const all = rng.normal(ROWS * COLS)
  for (const r of [0, 2, 7]) all.set(x, r * COLS)
  return all
}

/** v - σ y of `assembly/head/halves.ts`. */
function restOf(x: Float32Array): Float32Array {
  const largest = x.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  const v = x.map((value) => Math.round((value * 8191) / largest))
  const rest = new Float32Array(COLS)
  for (let block = 0; block < COLS; block += 32) {
    const lane = (which: boolean): number =>
      v.subarray(block, block + 32).reduce((sum, value, k) => sum + (k % 4 < 2 === which ? value * value : 0), 0)
    const step = Math.sqrt(Math.max(lane(true), lane(false))) / 125.5
    for (let k = block; k < block + 32; k++) rest[k] = v[k] - step * Math.round(v[k] / step)
  }
  return rest
}

/** Levels and activations at their ends, in patterns that bring 16-bit sums to theirs. */
const extremes: Scenario = (rng) => {
  const sign = (plus: boolean): number => (plus ? 1 : -1)
  const pattern = (k: number, kind: number): number =>
    [1, -1, sign(k % 2 > 0), sign(k % 4 < 2), k % 4 < 2 ? 1 : 0, k === 9 ? 1 : 0][kind]
  const kinds = Array.from({ length: VOCABULARY }, () => rng.below(6))
  const x = Float32Array.from({ length: ROWS * COLS }, (_, i) => pattern(i % COLS, Math.floor(i / COLS) % 6))
  const ends = [127, -128, 126, -127]
  const q = levels((row, k) => pattern(k, kinds[row]) * ends[row % 4])
  return { x, q, d: scales((row) => 1e-3 * (1 + (row % 97))) }
}

const negativeScales: Scenario = (rng) => ({ ...ordinary(1)(rng), d: scales(() => -0.01 - 0.002 * rng.uniform()) })

/** Scales of zero, of either sign, as small and as large as halves can be. */
const unevenScales: Scenario = (rng) => {
  const sizes = [0, 6e-8, 1e-6, 0.01, -0.01, 1, -3, 65504]
  return { ...ordinary(1)(rng), d: scales(() => sizes[rng.below(sizes.length)]) }
}

/** Rows of x that are zero, tiny, huge and no numbers. */
const unevenRows: Scenario = (rng) => {
  const made = ordinary(1)(rng)
  const sizes = [1, 0, 1e-38, 1e-30, 1e30, 1e37, 1e-3, 1e3]
  return { ...made, x: made.x.map((value, i) => value * sizes[Math.floor(i / COLS)]) }
}

const broken: Scenario = (rng) => {
  const made = ordinary(1)(rng)
  made.x[COLS + 3] = NaN
  made.x[4 * COLS + 100] = Infinity
  return made
}

/** Each row of weights a dozen times, in all parts. */
const repeated: Scenario = (rng) => {
  const { x, q, d } = ordinary(1)(rng)
  for (let row = 170; row < VOCABULARY; row++) {
    q.copyWithin(row * COLS, (row % 170) * COLS, (row % 170 + 1) * COLS)
    d.copyWithin(row * BLOCKS, (row % 170) * BLOCKS, (row % 170 + 1) * BLOCKS)
  }
  return { x, q, d }
}

const SCENARIOS: readonly (readonly [name: string, seeds: number, scenario: Scenario])[] = [
  ['ordinary values', 12, ordinary(1)],
  ['outliers', 12, ordinary(300)],
  ['rows that differ in their lowest bits', 12, lowestBits],
  ['rows along the rounding of activations', 12, rounding],
  ['extremes', 4, extremes],
  ['negative scales', 4, negativeScales],
  ['scales of any size and sign', 4, unevenScales],
  ['activations of any size', 4, unevenRows],
  ['activations that are no numbers', 2, broken],
  ['rows of weights that repeat', 4, repeated],
]

describe.each(['fast', 'precise'] as const)('the largest logits of several rows, %s', (precision) => {
  it.each(SCENARIOS)('%s: the bits of all logits', async (_, seeds, scenario) => {
    for (let seed = 0; seed < seeds; seed++) {
      await using backend = await cpu({ threads: 1 + (seed % 2), precision })
      await verify(backend, scenario(random(100 + seed)))
    }
  })
})
