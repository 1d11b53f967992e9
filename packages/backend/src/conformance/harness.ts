import type { Backend, Buffer, CacheType, Ops, Step } from '../contract.js'
import { isG3Error } from '../errors.js'
import { BLOCKS, type QuantType } from '../quant.js'
import { reference } from '../reference.js'
import { random, type Random } from './random.js'
import { tensor } from './tensor.js'

/** The two functions of a test runner that the suite needs; vitest and node:test both have them. */
export interface TestRunner {
  describe(name: string, body: () => void): unknown
  it(name: string, body: () => Promise<void>): unknown
}

/**
 * Largest errors that the backend's author allows, each relative to the largest value of the same row unless said.
 * They depend on the precision that the backend computes in, not on the machine.
 */
export interface Tolerances {
  /** `norm` and `embed` of f32: relative to each value. `addNorm`. */
  readonly elementwise: number
  /** `qkNormRope`: relative to the head's largest value. */
  readonly rope: number
  /** `project`, `qkv`, `logits`, `gatedUp` on any activations. */
  readonly product: number
  /**
   * The same where 8-bit activations lose nothing (whole numbers, the largest of each block of 32 being ±127), and
   * `embed` of quantised tables: what is left is the repacking of weights and the order of sums.
   */
  readonly productOnGrid: number
  /** `attend`, `store` and `rerotate`, by the type of the cache. */
  readonly attend: Readonly<Record<CacheType, number>>
  /** A model of two layers, all ops together, after 51 positions. */
  readonly layers: number
}

export interface ConformanceOptions {
  readonly tolerances: Tolerances
  /** Weight types to test; all of them by default. */
  readonly types?: readonly QuantType[]
  /** Types of caches to test; all of them by default. */
  readonly cacheTypes?: readonly CacheType[]
  /** Whether a row has the same bits alone and among others. */
  readonly batchInvariant: boolean
}

/** What each part of the suite is given. */
export interface Suite extends TestRunner {
  readonly make: () => Promise<Backend>
  readonly options: ConformanceOptions
  readonly types: readonly QuantType[]
  readonly cacheTypes: readonly CacheType[]
}

/** Rows of a step that every op is tried with: below, at and above the tiles and buckets that kernels like. */
export const ROWS = [1, 2, 3, 4, 5, 7, 16, 33, 130] as const
export const MOST_ROWS = 130

/** Input widths that a weight type can have, from the tiniest model's to the 270M's. */
export const widthsOf = (type: QuantType): readonly number[] =>
  [32, 64, 256, 640, 768].filter((cols) => cols % BLOCKS[type].blockWeights === 0)

/** Buffers of a test, filled from values: the contract has no way to write a buffer but `embed`. */
export async function input(
  backend: Backend,
  label: string,
  rows: number,
  cols: number,
  values: Float32Array,
): Promise<Input> {
  const weight = await backend.load(tensor(label, 'F32', rows, cols, values))
  const buffer = backend.buffer(label, rows, cols)
  const program = backend.record(`fill ${label}`, (ops) => ops.embed({ weight, scale: 1, out: buffer }))
  const every = Int32Array.from({ length: rows }, (_, r) => r)
  return {
    buffer,
    fill: (ids = every) => backend.run(program, { rows: ids.length, ids }),
  }
}

export interface Input {
  readonly buffer: Buffer
  /** Puts row ids[r] of the values into row r of the buffer; all rows in order by default. */
  fill(ids?: Int32Array): void
}

/** Records one op or a few and runs them. */
export function runOnce(backend: Backend, step: Step, build: (ops: Ops) => void): void {
  backend.run(backend.record('once', build), step)
}

/** What a scenario computed: rows of `cols` values an entry. */
export type Observed = readonly Observation[]

export interface Observation {
  readonly what: string
  readonly cols: number
  readonly values: Float32Array
}

/** Does something on a backend, with values from `rng`, and reports what came out. */
export type Scenario = (backend: Backend, rng: Random) => Promise<Observed>

/**
 * Runs a scenario on the suite's backend and on the reference with the same seed and compares what it observed.
 * @param type says that seed and type name the scenario: the reference then runs it once, however many backends are tested
 */
export async function compare(
  suite: Suite,
  seed: number,
  scenario: Scenario,
  close: Closeness,
  type?: QuantType,
): Promise<void> {
  const right = (): Promise<Observed> =>
    onBackend(
      async () => reference(),
      (backend) => scenario(backend, random(seed)),
    )
  const want = type === undefined ? await right() : await once(`${seed} ${type}`, right)
  closeTo(want, await onBackend(suite.make, (backend) => scenario(backend, random(seed))), close)
}

const observedBefore = new Map<string, Promise<Observed>>()

function once(key: string, observe: () => Promise<Observed>): Promise<Observed> {
  const known = observedBefore.get(key) ?? observe()
  observedBefore.set(key, known)
  return known
}

/** The same on any two backends, the second of which is right. */
export async function compareOn<B extends Backend>(
  make: () => Promise<B>,
  makeRight: () => Promise<B>,
  seed: number,
  scenario: (backend: B, rng: Random) => Promise<Observed>,
  close: Closeness,
): Promise<void> {
  const got = await onBackend(make, (backend) => scenario(backend, random(seed)))
  closeTo(await onBackend(makeRight, (backend) => scenario(backend, random(seed))), got, close)
}

function closeTo(want: Observed, got: Observed, close: Closeness): void {
  for (const [index, { what, cols, values }] of want.entries()) close(what, got[index].values, values, cols)
}

/** Runs `body` on a backend of its own and disposes it. */
export async function onBackend<B extends Backend, T>(
  make: () => Promise<B>,
  body: (backend: B) => Promise<T>,
): Promise<T> {
  const backend = await make()
  try {
    return await body(backend)
  } finally {
    await backend.dispose()
  }
}

/** Throws where `got` is too far from `want`; both hold rows of `cols` values. */
export type Closeness = (what: string, got: Float32Array, want: Float32Array, cols: number) => void

/** Every value within `tolerance` of its own size. */
export const closeEach = (tolerance: number): Closeness => closeBy(tolerance, () => Math.abs)

/** Every value within `tolerance` of the largest of its row, or of `floor` where that is larger. */
export const closeInRow = (tolerance: number, floor = 0): Closeness =>
  closeBy(tolerance, (row) => {
    const largest = row.reduce((most, value) => Math.max(most, Math.abs(value)), floor)
    return () => largest
  })

function closeBy(tolerance: number, sizesOf: (row: Float32Array) => (value: number) => number): Closeness {
  return (what, got, want, cols) => {
    verify(got.length === want.length, `${what}: ${got.length} values instead of ${want.length}`)
    for (let at = 0; at < want.length; at += cols) {
      const row = want.subarray(at, at + cols)
      const sizeOf = sizesOf(row)
      for (let i = 0; i < cols; i++) {
        const allowed = tolerance * sizeOf(row[i])
        const error = Math.abs(got[at + i] - row[i])
        if (error <= allowed) continue
        const place = `${what}, row ${at / cols}, column ${i}`
        throw new Error(`${place}: ${got[at + i]} instead of ${row[i]}, off by ${error}, allowed ${allowed}`)
      }
    }
  }
}

/** Throws unless both arrays hold the same bits. */
export function sameBits(what: string, a: Float32Array, b: Float32Array): void {
  verify(a.length === b.length, `${what}: ${a.length} and ${b.length} values`)
  const different = a.findIndex((value, i) => !Object.is(value, b[i]))
  verify(different < 0, `${what}: value ${different} is ${a[different]} and ${b[different]}`)
}

/** Throws unless `body` fails with a G3Error of that code. */
export async function fails(code: string, what: string, body: () => unknown): Promise<void> {
  let problem: unknown
  try {
    await body()
  } catch (error) {
    problem = error
  }
  verify(problem !== undefined, `${what}: went through, expected ${code}`)
  verify(isG3Error(problem) && problem.code === code, `${what}: expected ${code}, got ${String(problem)}`)
}

export function verify(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}
