import type { Backend, CacheSpec, CacheStore, CacheType } from '../contract.js'
import {
  closeInRow,
  compare,
  input,
  MOST_ROWS,
  onBackend,
  ROWS,
  runOnce,
  sameBits,
  type Observation,
  type Scenario,
  type Suite,
} from './harness.js'
import { random, type Random } from './random.js'
import { tensor } from './tensor.js'
import { inOrder, ownViews, pagesFor, viewOf, viewsFor } from './views.js'

/** qkNormRope, store, attend, rerotate: all that knows about positions and slots. */
export function attentionOps(suite: Suite): void {
  const { describe, it, options } = suite
  const { rope, attend } = options.tolerances

  describe('qkNormRope', () => {
    for (const headDim of [32, 64, 128, 256]) {
      it(`heads of ${headDim}, small and large positions`, () =>
        compare(suite, 20, rotations(headDim, 1, { base: 10_000, scaling: 1 }), closeInRow(rope)))
    }
    it('scaled positions of a global layer', () =>
      compare(suite, 21, rotations(128, 1, { base: 1_000_000, scaling: 8 }), closeInRow(rope)))
    it('huge values', () => compare(suite, 22, rotations(64, 1e5, { base: 10_000, scaling: 1 }), closeInRow(rope)))
  })

  for (const type of suite.cacheTypes) {
    const close = closeInRow(attend[type])
    const test = (name: string, seed: number, scenario: Scenario): void => {
      it(name, () => compare(suite, seed, scenario, close))
    }
    describe(`store and attend, ${type}`, () => {
      for (const headDim of [32, 64, 128, 256]) {
        // How heads are grouped does not depend on what a number is held as.
        for (const group of type === 'f32' ? [1, 2, 4, 8] : [1, 4]) {
          test(
            `heads of ${headDim}, ${group} to a kv head`,
            23,
            attends({ type, headDim, group, kvHeads: 2, length: 150 }),
          )
        }
      }
      test(
        'one position: the value itself',
        24,
        attends({ type, headDim: 64, group: 4, kvHeads: 1, length: 140, spans: alone }),
      )
      test('windows', 25, attends({ type, headDim: 256, group: 4, kvHeads: 1, length: 648, spans: windows }))
      test('3000 positions', 26, attends({ type, headDim: 256, group: 4, kvHeads: 1, length: 3000 }))
      test(
        'scores from -1000 to 1000',
        27,
        attends({ type, headDim: 64, group: 2, kvHeads: 2, length: 300, queryScale: 30 }),
      )
      test(
        'equal scores: the mean',
        28,
        attends({ type, headDim: 64, group: 2, kvHeads: 2, length: 300, queryScale: 0 }),
      )
      test('131072 positions', 32, distant(type))
      test('layers of a cache and caches do not mix', 29, twoCaches(type))
      test('a slot stored again holds the new key and value', 30, overwritten(type))
      test('texts in one step see their own pages', 33, twoTexts(type))
      test('rerotate takes keys back', 34, rerotated(type, { base: 10_000, scaling: 1 }))
      test('rerotate by the scaled angles of a global layer', 35, rerotated(type, { base: 1_000_000, scaling: 8 }))
      it('which pages hold the text does not show in the bits', () => pageInvariance(suite, type))
      if (options.batchInvariant) it('a row alone has the bits it has among others', () => batchInvariance(suite, type))
    })
  }
}

function rotations(headDim: number, scale: number, rope: { base: number; scaling: number }): Scenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    const q = await input(backend, 'q', MOST_ROWS, 4 * headDim, rng.normal(MOST_ROWS * 4 * headDim, scale))
    const k = await input(backend, 'k', MOST_ROWS, 2 * headDim, rng.normal(MOST_ROWS * 2 * headDim, scale))
    const qNorm = await backend.load(tensor('q norm', 'F32', 1, headDim, rng.normal(headDim)))
    const kNorm = await backend.load(tensor('k norm', 'F32', 1, headDim, rng.normal(headDim)))
    const program = backend.record('rotate', (ops) =>
      ops.qkNormRope({ q: q.buffer, k: k.buffer, qNorm, kNorm, headDim, eps: 1e-6, rope }),
    )
    for (const rows of ROWS) {
      const positions = Int32Array.from({ length: rows }, (_, r) => [131071, 0, 1, 4999, 511][r] ?? rng.below(131072))
      q.fill()
      k.fill()
      backend.run(program, { rows, positions })
      for (const { buffer } of [q, k]) {
        const values = await backend.read(buffer, rows)
        observed.push({ what: `${buffer.label}, ${rows} rows`, cols: headDim, values })
      }
    }
    return observed
  }
}

interface AttendCase {
  readonly type: CacheType
  readonly headDim: number
  readonly group: number
  readonly kvHeads: number
  /** Positions of the text. */
  readonly length: number
  readonly spans?: Spans
  /** Size of the query; keys are about 1 and scores are scaled by 1/√headDim. */
  readonly queryScale?: number
}

type Span = readonly [from: number, to: number]
/** What some rows of a text of `length` see. */
type Spans = (rng: Random, rows: number, length: number) => readonly Span[]

function attends({ type, headDim, group, kvHeads, length, spans = anySpans, queryScale = 1 }: AttendCase): Scenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    const cache = cacheOf(backend, { type, kvHeads, headDim, pages: pagesFor(length) })
    const table = rng.shuffle(inOrder(pagesFor(length)))
    await fillPages(backend, rng, cache, 0, table, length)
    const cols = headDim * group * kvHeads
    const q = await input(backend, 'q', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols, queryScale))
    const out = backend.buffer('out', MOST_ROWS, cols)
    q.fill()
    const program = backend.record('attend', (ops) =>
      ops.attend({ q: q.buffer, cache, layer: 0, scale: 1 / Math.sqrt(headDim), out }),
    )
    for (const rows of length > 1000 ? [1, 5, 33] : ROWS) {
      const view = viewOf({ table, positions: new Int32Array(rows), spans: spans(rng, rows, length) })
      backend.run(program, { rows, views: viewsFor([[cache, view]]) })
      observed.push({ what: `${rows} rows`, cols: headDim, values: await backend.read(out, rows) })
    }
    return observed
  }
}

const cacheOf = (backend: Backend, spec: Partial<CacheSpec> & Pick<CacheSpec, 'type' | 'pages'>): CacheStore =>
  backend.cache({ label: 'cache', layers: 1, tableEntries: 1024, kvHeads: 1, headDim: 64, ...spec })

/** Stores random keys and values at all positions of a text, many rows a step, in an order that is not theirs. */
async function fillPages(
  backend: Backend,
  rng: Random,
  cache: CacheStore,
  layer: number,
  table: readonly number[],
  length: number,
): Promise<void> {
  const cols = cache.spec.kvHeads * cache.spec.headDim
  const k = await input(backend, `k${layer}`, length, cols, rng.normal(length * cols))
  const v = await input(backend, `v${layer}`, length, cols, rng.normal(length * cols, 3))
  const program = backend.record('store', (ops) => ops.store({ k: k.buffer, v: v.buffer, cache, layer }))
  for (let from = 0; from < length; from += MOST_ROWS) {
    const rows = Math.min(MOST_ROWS, length - from)
    const positions = Int32Array.from({ length: rows }, (_, r) => length - 1 - from - r)
    k.fill(positions)
    v.fill(positions)
    backend.run(program, { rows, views: viewsFor([[cache, ownViews(table, positions)]]) })
  }
}

/** Random spans; the first rows see the whole text, its last position, and the first page but for its first slots. */
function anySpans(rng: Random, rows: number, length: number): readonly Span[] {
  return inOrder(rows).map((row) => {
    if (row === 0) return [0, length]
    if (row === 1) return [length - 1, length]
    if (row === 2) return [5, 128]
    const [a, b] = [rng.below(length), rng.below(length)].sort((x, y) => x - y)
    return [a, b + 1]
  })
}

function alone(rng: Random, rows: number, length: number): readonly Span[] {
  return inOrder(rows).map(() => {
    const position = rng.below(length)
    return [position, position + 1]
  })
}

/** Windows of 512 that move on by one. */
function windows(rng: Random, rows: number, length: number): readonly Span[] {
  const first = rng.below(length - rows)
  return inOrder(rows).map((row) => [Math.max(0, first + row - 511), first + row + 1])
}

/** One row near the end of the longest context, whose table names a few pages again and again. */
function distant(type: CacheType): Scenario {
  return async (backend, rng) => {
    const [headDim, pages, length] = [32, 5, 131_072]
    const cache = cacheOf(backend, { type, headDim, pages })
    await fillPages(backend, rng, cache, 0, inOrder(pages), pages * 128)
    const table = inOrder(pagesFor(length)).map(() => rng.below(pages))
    const q = await input(backend, 'q', 2, 2 * headDim, rng.normal(4 * headDim, 3))
    const out = backend.buffer('out', 1, 2 * headDim)
    q.fill()
    const view = viewOf({ table, positions: [length - 1], spans: [[3, length]] })
    runOnce(backend, { rows: 1, views: viewsFor([[cache, view]]) }, (ops) =>
      ops.attend({ q: q.buffer, cache, layer: 0, scale: 0.2, out }),
    )
    return [{ what: 'attended', cols: headDim, values: await backend.read(out, 1) }]
  }
}

function twoCaches(type: CacheType): Scenario {
  return async (backend, rng) => {
    const shape = { type, layers: 3, kvHeads: 2, headDim: 32 }
    const local = cacheOf(backend, { label: 'local', pages: 1, ...shape })
    const global = cacheOf(backend, { label: 'global', pages: 2, ...shape })
    for (const cache of [local, global]) {
      const { pages } = cache.spec
      for (const layer of [2, 0, 1]) await fillPages(backend, rng, cache, layer, inOrder(pages), pages * 90)
    }
    const q = await input(backend, 'q', 4, 128, rng.normal(4 * 128))
    const out = backend.buffer('out', 4, 128)
    q.fill()
    const views = viewsFor(
      [local, global].map((cache) => [cache, wholeText(inOrder(cache.spec.pages), cache.spec.pages * 90, 4)]),
    )
    const observed: Observation[] = []
    for (const cache of [global, local]) {
      for (const layer of [0, 1, 2]) {
        runOnce(backend, { rows: 4, views }, (ops) => ops.attend({ q: q.buffer, cache, layer, scale: 0.2, out }))
        observed.push({ what: `${cache.spec.label} ${layer}`, cols: 32, values: await backend.read(out, 4) })
      }
    }
    return observed
  }
}

function overwritten(type: CacheType): Scenario {
  return async (backend, rng) => {
    const cache = cacheOf(backend, { type, pages: 1 })
    await fillPages(backend, rng, cache, 0, [0], 24)
    await fillPages(backend, rng, cache, 0, [0], 24)
    return [{ what: 'attended', cols: 64, values: await attended(backend, rng, cache, [0], 24) }]
  }
}

/** Two texts side by side, one of them with a table that lists only what its rows see. */
function twoTexts(type: CacheType): Scenario {
  return async (backend, rng) => {
    const cache = cacheOf(backend, { type, pages: 7 })
    await fillPages(backend, rng, cache, 0, [4, 0, 2], 300)
    await fillPages(backend, rng, cache, 0, [6, 1, 3, 5], 450)
    const q = await input(backend, 'q', 4, 128, rng.normal(4 * 128))
    const out = backend.buffer('out', 4, 128)
    q.fill()
    const view = {
      slots: new Int32Array(4),
      spans: Int32Array.of(0, 300, 260, 450, 7, 200, 384, 385),
      tables: Int32Array.of(0, 1, 0, 1),
      pages: Int32Array.of(4, 0, 2, 3, 5, -1),
      entries: 5,
    }
    runOnce(backend, { rows: 4, views: viewsFor([[cache, view]]) }, (ops) =>
      ops.attend({ q: q.buffer, cache, layer: 0, scale: 0.2, out }),
    )
    return [{ what: 'attended', cols: 64, values: await backend.read(out, 4) }]
  }
}

/** Some keys of a text go back by some distances, the others stay. */
function rerotated(type: CacheType, rope: { base: number; scaling: number }): Scenario {
  return async (backend, rng) => {
    const cache = cacheOf(backend, { type, pages: 2, kvHeads: 2 })
    await fillPages(backend, rng, cache, 0, [1, 0], 200)
    const k = backend.buffer('k', MOST_ROWS, 128)
    const program = backend.record('rerotate', (ops) => ops.rerotate({ k, cache, layer: 0, rope }))
    const positions = Int32Array.from({ length: 50 }, (_, r) => [128, 0, 65_536][r] ?? 128 * rng.below(1024))
    const moved = Int32Array.from({ length: 50 }, (_, r) => 3 * r)
    backend.run(program, { rows: 50, positions, views: viewsFor([[cache, ownViews([1, 0], moved)]]) })
    return [{ what: 'attended', cols: 64, values: await attended(backend, rng, cache, [1, 0], 200) }]
  }
}

/** What two rows of random queries make of a whole text. */
async function attended(
  backend: Backend,
  rng: Random,
  cache: CacheStore,
  table: readonly number[],
  length: number,
): Promise<Float32Array> {
  const cols = cache.spec.kvHeads * cache.spec.headDim
  const q = await input(backend, 'q', 2, cols, rng.normal(2 * cols))
  const out = backend.buffer('out', 2, cols)
  q.fill()
  const views = viewsFor([[cache, wholeText(table, length, 2)]])
  runOnce(backend, { rows: 2, views }, (ops) => ops.attend({ q: q.buffer, cache, layer: 0, scale: 0.1, out }))
  return backend.read(out, 2)
}

const wholeText = (table: readonly number[], length: number, rows: number) =>
  viewOf({ table, positions: new Int32Array(rows), spans: inOrder(rows).map(() => [0, length] as const) })

function pageInvariance(suite: Suite, type: CacheType): Promise<void> {
  return onBackend(suite.make, async (backend) => {
    const results: Float32Array[] = []
    for (const table of [
      [0, 1, 2],
      [6, 3, 5],
    ]) {
      const rng = random(36)
      const cache = cacheOf(backend, { type, pages: 7, kvHeads: 2 })
      await fillPages(backend, rng, cache, 0, table, 333)
      results.push(await attended(backend, rng, cache, table, 333))
    }
    sameBits('other pages', results[1], results[0])
  })
}

function batchInvariance(suite: Suite, type: CacheType): Promise<void> {
  return onBackend(suite.make, async (backend) => {
    const rng = random(31)
    const [headDim, heads, length] = [64, 4, 300]
    const cols = heads * headDim
    const cache = cacheOf(backend, { type, pages: 3 })
    const table = [2, 0, 1]
    await fillPages(backend, rng, cache, 0, table, length)
    const q = await input(backend, 'q', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols))
    const out = backend.buffer('out', MOST_ROWS, cols)
    const program = backend.record('attend', (ops) => ops.attend({ q: q.buffer, cache, layer: 0, scale: 0.125, out }))
    for (const rows of ROWS) {
      const spans = anySpans(rng, rows, length)
      q.fill()
      const together = viewOf({ table, positions: new Int32Array(rows), spans })
      backend.run(program, { rows, views: viewsFor([[cache, together]]) })
      const values = await backend.read(out, rows)
      for (const r of new Set([0, rows >> 1, rows - 1])) {
        q.fill(Int32Array.of(r))
        const own = viewOf({ table, positions: [0], spans: [spans[r]] })
        backend.run(program, { rows: 1, views: viewsFor([[cache, own]]) })
        sameBits(`row ${r} of ${rows}`, await backend.read(out, 1), values.subarray(r * cols, (r + 1) * cols))
      }
    }
  })
}
