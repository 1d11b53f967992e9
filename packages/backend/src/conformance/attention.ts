import type { Backend, CacheSpec, CacheStore, CacheView } from '../contract.js'
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

/** qkNormRope, store, attend: all that knows about positions and slots. */
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

  describe('store and attend', () => {
    for (const headDim of [32, 64, 128, 256]) {
      for (const group of [1, 2, 4, 8]) {
        it(`heads of ${headDim}, ${group} to a kv head`, () =>
          compare(suite, 23, attends({ headDim, group, kvHeads: 2, slots: 150, spans: anySpans }), closeInRow(attend)))
      }
    }
    it('one slot: the value itself', () =>
      compare(
        suite,
        24,
        attends({ headDim: 64, group: 4, kvHeads: 1, slots: 140, spans: oneSlot }),
        closeInRow(attend),
      ))
    it('a ring that has wrapped: two spans', () =>
      compare(
        suite,
        25,
        attends({ headDim: 256, group: 4, kvHeads: 1, slots: 648, spans: wrapped }),
        closeInRow(attend),
      ))
    it('3000 slots', () =>
      compare(
        suite,
        26,
        attends({ headDim: 256, group: 4, kvHeads: 1, slots: 3000, spans: anySpans }),
        closeInRow(attend),
      ))
    it('scores from -1000 to 1000', () =>
      compare(
        suite,
        27,
        attends({ headDim: 64, group: 2, kvHeads: 2, slots: 300, spans: anySpans, queryScale: 30 }),
        closeInRow(attend),
      ))
    it('equal scores: the mean', () =>
      compare(
        suite,
        28,
        attends({ headDim: 64, group: 2, kvHeads: 2, slots: 300, spans: anySpans, queryScale: 0 }),
        closeInRow(attend),
      ))
    it('layers of a cache and caches do not mix', () => compare(suite, 29, twoCaches, closeInRow(attend)))
    it('a slot stored again holds the new key and value', () => compare(suite, 30, overwritten, closeInRow(attend)))
    if (options.batchInvariant) it('a row alone has the bits it has among others', () => batchInvariance(suite))
  })
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
  readonly headDim: number
  readonly group: number
  readonly kvHeads: number
  readonly slots: number
  readonly spans: (rng: Random, rows: number, slots: number) => Int32Array
  /** Size of the query; keys are about 1 and scores are scaled by 1/√headDim. */
  readonly queryScale?: number
}

function attends({ headDim, group, kvHeads, slots, spans, queryScale = 1 }: AttendCase): Scenario {
  return async (backend, rng) => {
    const observed: Observation[] = []
    const cache = backend.cache({ label: 'cache', layers: 1, slots, kvHeads, headDim })
    await fillCache(backend, rng, cache, 0)
    const cols = headDim * group * kvHeads
    const q = await input(backend, 'q', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols, queryScale))
    const out = backend.buffer('out', MOST_ROWS, cols)
    q.fill()
    const program = backend.record('attend', (ops) =>
      ops.attend({ q: q.buffer, cache, layer: 0, scale: 1 / Math.sqrt(headDim), out }),
    )
    for (const rows of slots > 1000 ? [1, 5, 33] : ROWS) {
      const view = { slots: new Int32Array(rows), spans: spans(rng, rows, slots) }
      backend.run(program, { rows, views: viewsFor([[cache, view]]) })
      observed.push({ what: `${rows} rows`, cols: headDim, values: await backend.read(out, rows) })
    }
    return observed
  }
}

/**
 * Fills every slot of a layer with random keys and values, in steps of many rows and an order that is not that of
 * slots.
 */
async function fillCache(backend: Backend, rng: Random, cache: CacheStore, layer: number): Promise<void> {
  const { slots, kvHeads, headDim } = cache.spec
  const cols = kvHeads * headDim
  const k = await input(backend, `k${layer}`, slots, cols, rng.normal(slots * cols))
  const v = await input(backend, `v${layer}`, slots, cols, rng.normal(slots * cols, 3))
  const program = backend.record('store', (ops) => ops.store({ k: k.buffer, v: v.buffer, cache, layer }))
  for (let from = 0; from < slots; from += MOST_ROWS) {
    const rows = Math.min(MOST_ROWS, slots - from)
    const targets = Int32Array.from({ length: rows }, (_, r) => slots - 1 - from - r)
    k.fill(targets)
    v.fill(targets)
    backend.run(program, { rows, views: viewsFor([[cache, { slots: targets, spans: ownSlots(targets) }]]) })
  }
}

/** One or two random spans a row; the first rows see the whole cache, one slot at its end, and an empty first span. */
function anySpans(rng: Random, rows: number, slots: number): Int32Array {
  const spans = new Int32Array(4 * rows)
  for (let r = 0; r < rows; r++) spans.set(rowSpans(rng, r, slots), 4 * r)
  return spans
}

function rowSpans(rng: Random, row: number, slots: number): readonly number[] {
  if (row === 0) return [0, slots, 0, 0]
  if (row === 1) return [slots - 1, slots, 0, 0]
  if (row === 2) return [5, 5, 7, 20]
  const ends = [0, 1, 2, 3].map(() => rng.below(slots)).sort((a, b) => a - b)
  const [a, b, c, d] = [ends[0], ends[1], ends[2], ends[3] + 1]
  return row % 2 === 0 ? [a, b, c, d] : [c, d, a, b]
}

const oneSlot = (rng: Random, rows: number, slots: number): Int32Array =>
  ownSlots(Int32Array.from({ length: rows }, () => rng.below(slots)))

/** Windows of 512 whose newest slot is near the start of the ring, as after a wrap. */
function wrapped(rng: Random, rows: number, slots: number): Int32Array {
  const first = rng.below(200)
  return Int32Array.from({ length: 4 * rows }, (_, i) => {
    const end = first + (i >> 2) + 1
    return [Math.max(0, end - 512), end, Math.min(slots, slots + end - 512), slots][i & 3]
  })
}

/** Each row sees the one slot it is stored in. */
const ownSlots = (slots: Int32Array): Int32Array =>
  Int32Array.from({ length: 4 * slots.length }, (_, i) => [slots[i >> 2], slots[i >> 2] + 1, 0, 0][i & 3])

/** Views by cache index. */
function viewsFor(entries: readonly (readonly [CacheStore, CacheView])[]): CacheView[] {
  const views: CacheView[] = []
  for (const [cache, view] of entries) views[cache.index] = view
  return views
}

const twoCaches: Scenario = async (backend, rng) => {
  const shape = { layers: 3, kvHeads: 2, headDim: 32 }
  const local = backend.cache({ label: 'local', slots: 40, ...shape })
  const global = backend.cache({ label: 'global', slots: 90, ...shape })
  for (const cache of [local, global]) {
    for (const layer of [2, 0, 1]) await fillCache(backend, rng, cache, layer)
  }
  const q = await input(backend, 'q', 4, 128, rng.normal(4 * 128))
  const out = backend.buffer('out', 4, 128)
  q.fill()
  const views = viewsFor([local, global].map((cache) => [cache, wholeCache(cache.spec, 4)]))
  const observed: Observation[] = []
  for (const cache of [global, local]) {
    for (const layer of [0, 1, 2]) {
      runOnce(backend, { rows: 4, views }, (ops) => ops.attend({ q: q.buffer, cache, layer, scale: 0.2, out }))
      observed.push({ what: `${cache.spec.label} ${layer}`, cols: 32, values: await backend.read(out, 4) })
    }
  }
  return observed
}

const overwritten: Scenario = async (backend, rng) => {
  const cache = backend.cache({ label: 'cache', layers: 1, slots: 24, kvHeads: 1, headDim: 64 })
  await fillCache(backend, rng, cache, 0)
  await fillCache(backend, rng, cache, 0)
  const q = await input(backend, 'q', 2, 64, rng.normal(128))
  const out = backend.buffer('out', 2, 64)
  q.fill()
  const views = viewsFor([[cache, wholeCache(cache.spec, 2)]])
  runOnce(backend, { rows: 2, views }, (ops) => ops.attend({ q: q.buffer, cache, layer: 0, scale: 0.1, out }))
  return [{ what: 'attended', cols: 64, values: await backend.read(out, 2) }]
}

const wholeCache = ({ slots }: CacheSpec, rows: number): CacheView => ({
  slots: new Int32Array(rows),
  spans: Int32Array.from({ length: 4 * rows }, (_, i) => (i % 4 === 1 ? slots : 0)),
})

function batchInvariance(suite: Suite): Promise<void> {
  return onBackend(suite.make, async (backend) => {
    const rng = random(31)
    const [headDim, heads, slots] = [64, 4, 300]
    const cols = heads * headDim
    const cache = backend.cache({ label: 'cache', layers: 1, slots, kvHeads: 1, headDim })
    await fillCache(backend, rng, cache, 0)
    const q = await input(backend, 'q', MOST_ROWS, cols, rng.normal(MOST_ROWS * cols))
    const out = backend.buffer('out', MOST_ROWS, cols)
    const program = backend.record('attend', (ops) => ops.attend({ q: q.buffer, cache, layer: 0, scale: 0.125, out }))
    for (const rows of ROWS) {
      const spans = anySpans(rng, rows, slots)
      q.fill()
      backend.run(program, { rows, views: viewsFor([[cache, { slots: new Int32Array(rows), spans }]]) })
      const together = await backend.read(out, rows)
      for (const r of new Set([0, rows >> 1, rows - 1])) {
        q.fill(Int32Array.of(r))
        const own = { slots: new Int32Array(1), spans: spans.slice(4 * r, 4 * r + 4) }
        backend.run(program, { rows: 1, views: viewsFor([[cache, own]]) })
        sameBits(`row ${r} of ${rows}`, await backend.read(out, 1), together.subarray(r * cols, (r + 1) * cols))
      }
    }
  })
}
