import {
  PAGE,
  type Backend,
  type Buffer,
  type CacheStore,
  type CacheView,
  type Program,
  type Step,
  type Weight,
} from '../contract.js'
import { fails, onBackend, sameBits, verify, type Suite } from './harness.js'
import { random } from './random.js'
import { tensor } from './tensor.js'

const ROWS = 4
const WIDTH = 64
const VOCABULARY = 40
const PAGES = 3
const SLOTS = PAGES * PAGE

/** What every backend does about order, wrong input, errors and disposal. */
export function behaviour(suite: Suite): void {
  const { describe, it, make } = suite
  const test = (name: string, body: (small: Small) => Promise<void>): void => {
    it(name, () => onBackend(make, async (backend) => body(await small(backend))))
  }

  describe('steps', () => {
    test('the same step twice gives the same bits', async ({ backend, program, out, step }) => {
      backend.run(program, step())
      const once = await backend.read(out, ROWS)
      backend.run(program, step())
      sameBits('second run', await backend.read(out, ROWS), once)
    })
    test('run in order, without a read between them', async ({ backend, program, out, step }) => {
      backend.run(program, step())
      const want = await backend.read(out, ROWS)
      for (const id of [1, 2, 3]) backend.run(program, { ...step(), ids: new Int32Array(ROWS).fill(id) })
      backend.run(program, step())
      sameBits('last of four', await backend.read(out, ROWS), want)
    })
    test("leave the caller's arrays free as soon as run returns", async ({ backend, program, out, step }) => {
      backend.run(program, step())
      const want = await backend.read(out, ROWS)
      const reused = step()
      backend.run(program, reused)
      reused.ids?.fill(0)
      reused.positions?.fill(9)
      for (const { slots, spans, tables, pages } of reused.views ?? []) {
        for (const values of [slots, spans, tables, pages]) values.fill(0)
      }
      sameBits('after reuse', await backend.read(out, ROWS), want)
    })
    test('read what was written into a buffer from elsewhere, in its turn', async ({ backend, x, norm, out }) => {
      const program = backend.record('norm', (ops) => ops.norm({ x, weight: norm, eps: 1e-6, out }))
      const rng = random(51)
      const [first, second] = [rng.normal(ROWS * WIDTH), rng.normal(2 * WIDTH)]
      await backend.write(x, first)
      sameBits('as it was written', await backend.read(x, ROWS), first)
      backend.run(program, { rows: ROWS })
      const before = await backend.read(out, ROWS)
      backend.run(program, { rows: ROWS })
      await backend.write(x, second)
      sameBits('what ran before', await backend.read(out, ROWS), before)
      sameBits('rows that were not written', (await backend.read(x, ROWS)).slice(2 * WIDTH), first.slice(2 * WIDTH))
      backend.run(program, { rows: 2 })
      sameBits('rows that were not run', (await backend.read(out, ROWS)).slice(2 * WIDTH), before.slice(2 * WIDTH))
      await backend.write(x, first)
      backend.run(program, { rows: ROWS })
      sameBits('written again', await backend.read(out, ROWS), before)
      for (const wrong of [WIDTH + 1, (ROWS + 1) * WIDTH])
        await fails('backend/shape', `${wrong} values`, () => backend.write(x, new Float32Array(wrong)))
    })
    test('keep what was written into a buffer that no program has used', async ({ backend, norm, out }) => {
      const fresh = backend.buffer('fresh', ROWS, WIDTH)
      const values = random(52).normal(ROWS * WIDTH)
      await backend.write(fresh, values)
      sameBits('before', await backend.read(fresh, ROWS), values)
      backend.record('use', (ops) => ops.norm({ x: fresh, weight: norm, eps: 1e-6, out }))
      sameBits('after', await backend.read(fresh, ROWS), values)
    })
    test('take arrays that are longer than their rows', async ({ backend, program, out, step }) => {
      backend.run(program, { ...step(), rows: 2 })
      const want = await backend.read(out, 2)
      // What follows the two rows would be refused if it were looked at.
      backend.run(program, {
        rows: 2,
        ids: Int32Array.of(3, 1, -1),
        positions: Int32Array.of(0, 1, -1),
        views: [
          {
            slots: Int32Array.of(0, 1, -1),
            spans: Int32Array.of(0, 1, 0, 2, 9, 3),
            tables: Int32Array.of(0, 0, -9),
            pages: Int32Array.of(0, -1, 99),
            entries: 1,
          },
        ],
      })
      sameBits('two rows', await backend.read(out, 2), want)
    })
    test('with fewer rows leave the other rows as they were', async ({ backend, program, out, step }) => {
      backend.run(program, step())
      const before = await backend.read(out, ROWS)
      backend.run(program, { ...step(), rows: 1, ids: Int32Array.of(7) })
      const after = await backend.read(out, ROWS)
      verify(!Object.is(after[0], before[0]), 'row 0 has not changed')
      sameBits('rows 1 to 3', after.subarray(WIDTH), before.subarray(WIDTH))
    })
  })

  describe('read', () => {
    test('copies into the given array and returns it', async ({ backend, program, out, step }) => {
      backend.run(program, step())
      const into = new Float32Array(2 * WIDTH + 3).fill(5)
      verify((await backend.read(out, 2, into)) === into, 'another array came back')
      sameBits('two rows', into.subarray(0, 2 * WIDTH), await backend.read(out, 2))
      sameBits('the rest', into.subarray(2 * WIDTH), new Float32Array(3).fill(5))
    })
    test('gives zeros of a buffer that nothing has written', async ({ backend, cache, out }) => {
      const zeros = backend.buffer('zeros', ROWS, WIDTH)
      sameBits('zeros', await backend.read(zeros, ROWS), new Float32Array(ROWS * WIDTH))
      const program = backend.record('store zeros', (ops) => ops.store({ k: zeros, v: zeros, cache, layer: 0 }))
      backend.run(program, { rows: ROWS, views: [viewOf({})] })
      await backend.read(out, 1)
      sameBits('zeros, once they were read', await backend.read(zeros, ROWS), new Float32Array(ROWS * WIDTH))
    })
    test('gives copies: a later run does not change them', async ({ backend, program, out, step }) => {
      backend.run(program, step())
      const first = await backend.read(out, 1)
      const kept = first.slice()
      backend.run(program, { ...step(), ids: new Int32Array(ROWS).fill(7) })
      await backend.read(out, 1)
      sameBits('first read', first, kept)
    })
    test('refuses rows that are not there and arrays that are too small', async ({ backend, out }) => {
      for (const rows of [ROWS + 1, -1, 0.5, NaN]) {
        await fails('backend/shape', `${rows} rows`, () => backend.read(out, rows))
      }
      await fails('backend/shape', 'small array', () => backend.read(out, 2, new Float32Array(WIDTH)))
    })
  })

  describe('a wrong step', () => {
    for (const [name, change] of WRONG_STEPS) {
      test(`${name} is refused and changes nothing`, async ({ backend, program, out, step }) => {
        backend.run(program, step())
        const before = await backend.read(out, ROWS)
        await fails('backend/step', name, async () => {
          backend.run(program, { ...step(), ids: new Int32Array(ROWS).fill(7), ...change })
          await backend.read(out, ROWS)
        })
        sameBits('after it', await backend.read(out, ROWS), before)
        backend.run(program, step())
        sameBits('next step', await backend.read(out, ROWS), before)
      })
    }
  })

  describe('recording', () => {
    test('refuses shapes that do not fit', async ({ backend, table, norm, x, out, cache }) => {
      const wide = backend.buffer('wide', ROWS, 2 * WIDTH)
      const wrong: readonly (readonly [string, Parameters<Backend['record']>[1]])[] = [
        ['embed', (ops) => ops.embed({ weight: table, scale: 1, out: wide })],
        ['norm', (ops) => ops.norm({ x, weight: norm, eps: 1e-6, out: wide })],
        ['norm by a matrix', (ops) => ops.norm({ x, weight: table, eps: 1e-6, out })],
        ['project', (ops) => ops.project({ x: wide, weight: table, out })],
        ['project out', (ops) => ops.project({ x, weight: table, out: wide })],
        ['store', (ops) => ops.store({ k: wide, v: wide, cache, layer: 0 })],
        ['store layer', (ops) => ops.store({ k: x, v: x, cache, layer: 2 })],
        ['attend', (ops) => ops.attend({ q: x, cache, layer: 0, scale: 1, out: wide })],
      ]
      for (const [name, build] of wrong) await fails('backend/shape', name, () => backend.record(name, build))
    })
    test("refuses another backend's weights, buffers and caches", async ({ backend, table, norm, x, out }) => {
      await onBackend(make, async (other) => {
        const theirs = await small(other)
        await fails('backend/foreign', 'weight', () =>
          backend.record('w', (ops) => ops.embed({ weight: theirs.table, scale: 1, out })),
        )
        await fails('backend/foreign', 'buffer', () =>
          backend.record('b', (ops) => ops.norm({ x: theirs.x, weight: norm, eps: 1e-6, out })),
        )
        await fails('backend/foreign', 'cache', () =>
          backend.record('c', (ops) => ops.store({ k: x, v: x, cache: theirs.cache, layer: 0 })),
        )
        await fails('backend/foreign', 'program', () => backend.run(theirs.program, theirs.step()))
        await fails('backend/foreign', 'read', () => backend.read(theirs.out, 1))
        verify(table.rows === VOCABULARY, 'the own weight is untouched')
      })
    })
  })

  describe('loading', () => {
    const good = tensor('t', 'Q8_0', 8, WIDTH, random(60).normal(8 * WIDTH))
    test('refuses widths that are no whole blocks, and sizes that are none', async ({ backend }) => {
      await fails('backend/shape', '40 columns of Q8_0', () => backend.load({ ...good, cols: 40 }))
      await fails('backend/shape', 'no rows', () => backend.load({ ...good, rows: 0 }))
      await fails('backend/shape', 'no columns', () => backend.buffer('b', 1, 0))
      await fails('backend/shape', 'half a row', () => backend.buffer('b', 1.5, WIDTH))
    })
    test('passes on what the reader throws and stays usable', async ({ backend, program, out, step }) => {
      const torn = new Error('the file ends early')
      const problem = await thrown(() => backend.load({ ...good, read: () => Promise.reject(torn) }))
      verify(problem === torn, `got ${String(problem)}`)
      await backend.load(good)
      backend.run(program, step())
      await backend.read(out, ROWS)
    })
    test('stops when it is aborted', async ({ backend }) => {
      const reason = new Error('no longer wanted')
      const before = await thrown(() => backend.load(good, AbortSignal.abort(reason)))
      verify(before === reason, `aborted before: got ${String(before)}`)
    })
  })

  describe('dispose', () => {
    it('twice is fine, use afterwards is refused', async () => {
      const backend = await make()
      const { program, out, cache, step } = await small(backend)
      backend.run(program, step())
      await backend.dispose()
      await backend.dispose()
      await backend[Symbol.asyncDispose]()
      await fails('backend/disposed', 'buffer', () => backend.buffer('b', 1, WIDTH))
      await fails('backend/disposed', 'cache', () =>
        backend.cache({ label: 'c', layers: 1, pages: 1, tableEntries: 1, kvHeads: 1, headDim: 32, type: 'f32' }),
      )
      await fails('backend/disposed', 'load', () => backend.load(tensor('t', 'F32', 1, WIDTH, new Float32Array(WIDTH))))
      await fails('backend/disposed', 'record', () => backend.record('p', () => {}))
      await fails('backend/disposed', 'run', () => backend.run(program, step()))
      await fails('backend/disposed', 'read', () => backend.read(out, 1))
      await fails('backend/disposed', 'write of a buffer', () => backend.write(out, new Float32Array(WIDTH)))
      await fails('backend/disposed', 'copy', () => backend.copyPage(cache, 0, 1))
      await fails('backend/disposed', 'read of a page', () => backend.readPage(cache, 0))
      await fails('backend/disposed', 'write', () => backend.writePage(cache, 0, new Uint8Array(cache.pageBytes)))
    })
  })
}

/** A program that uses ids, positions and a cache, and what it was made of. */
interface Small {
  readonly backend: Backend
  readonly table: Weight
  readonly norm: Weight
  readonly x: Buffer
  readonly out: Buffer
  readonly cache: CacheStore
  readonly program: Program
  step(): Step
}

async function small(backend: Backend): Promise<Small> {
  const rng = random(50)
  const table = await backend.load(tensor('table', 'F32', VOCABULARY, WIDTH, rng.normal(VOCABULARY * WIDTH)))
  const norm = await backend.load(tensor('norm', 'F32', 1, WIDTH, rng.normal(WIDTH)))
  const x = backend.buffer('x', ROWS, WIDTH)
  const k = backend.buffer('k', ROWS, WIDTH)
  const out = backend.buffer('out', ROWS, WIDTH)
  const cache = backend.cache({
    label: 'cache',
    layers: 2,
    pages: PAGES,
    tableEntries: 4,
    kvHeads: 1,
    headDim: WIDTH,
    type: 'f32',
  })
  const program = backend.record('small', (ops) => {
    ops.embed({ weight: table, scale: 1, out: x })
    ops.norm({ x, weight: norm, eps: 1e-6, out: k })
    ops.qkNormRope({ q: x, k, qNorm: norm, kNorm: norm, headDim: WIDTH, eps: 1e-6, rope: { base: 1e4, scaling: 1 } })
    ops.store({ k, v: x, cache, layer: 1 })
    ops.attend({ q: x, cache, layer: 1, scale: 0.1, out })
  })
  const step = (): Step => ({
    rows: ROWS,
    ids: Int32Array.of(3, 1, 4, 15),
    positions: Int32Array.of(0, 1, 2, 3),
    views: [{ ...viewOf({}), spans: Int32Array.of(0, 1, 0, 2, 0, 3, 0, 4) }],
  })
  return { backend, table, norm, x, out, cache, program, step }
}

/** What is wrong with a step of `small`, each alone. */
const WRONG_STEPS: readonly (readonly [string, Partial<Step>])[] = [
  ['no rows', { rows: 0 }],
  ['more rows than the buffers hold', { rows: ROWS + 1, ids: new Int32Array(ROWS + 1) }],
  ['half a row', { rows: 1.5 }],
  ['rows NaN', { rows: NaN }],
  ['fewer ids than rows', { ids: new Int32Array(ROWS - 1) }],
  ['an id past the table', { ids: Int32Array.of(0, 0, 0, VOCABULARY) }],
  ['a negative id', { ids: Int32Array.of(0, -1, 0, 0) }],
  ['a negative position', { positions: Int32Array.of(0, 1, 2, -3) }],
  ['fewer positions than rows', { positions: new Int32Array(1) }],
  ['no view of the cache', { views: [] }],
  ['a slot past the cache', { views: [viewOf({ slots: [0, 1, 2, SLOTS] })] }],
  ['a negative slot', { views: [viewOf({ slots: [-1, 1, 2, 3] })] }],
  ['fewer slots than rows', { views: [viewOf({ slots: [0, 1] })] }],
  ['fewer spans than rows', { views: [viewOf({ spans: [0, 1, 0, 1] })] }],
  ['fewer tables than rows', { views: [viewOf({ tables: [0] })] }],
  ['a negative position in a span', { views: [viewOf({ spans: [0, 1, 0, 1, 0, 1, -1, 1] })] }],
  ['a span that ends before it starts', { views: [viewOf({ spans: [0, 1, 0, 1, 0, 1, 3, 1] })] }],
  ['a row that sees nothing', { views: [viewOf({ spans: [2, 2, 0, 1, 0, 1, 0, 1] })] }],
  ['a span past its page table', { views: [viewOf({ spans: [0, 1, 0, 1, 0, 1, 0, 2 * PAGE + 1] })] }],
  ['a span before its page table', { views: [viewOf({ tables: [0, -1, 0, 0] })] }],
  ['a page past the cache', { views: [viewOf({ pages: [0, PAGES] })] }],
  ['a negative page', { views: [viewOf({ pages: [-1, 0] })] }],
  ['more entries than there are', { views: [viewOf({ entries: 3 })] }],
  ['more entries than the cache was made for', { views: [viewOf({ pages: [0, 1, 2, 0, 1], entries: 5 })] }],
  ['half an entry', { views: [viewOf({ entries: 1.5 })] }],
]

/** A view of four rows that each see the first position, but for what is given. */
function viewOf({
  slots = [0, 1, 2, 3],
  spans = [0, 1, 0, 1, 0, 1, 0, 1],
  tables = [0, 0, 0, 0],
  pages = [0, 1],
  entries = 2,
}: Partial<Record<'slots' | 'spans' | 'tables' | 'pages', readonly number[]>> & {
  readonly entries?: number
}): CacheView {
  return {
    slots: Int32Array.from(slots),
    spans: Int32Array.from(spans),
    tables: Int32Array.from(tables),
    pages: Int32Array.from(pages),
    entries,
  }
}

async function thrown(body: () => unknown): Promise<unknown> {
  try {
    await body()
  } catch (error) {
    return error
  }
  throw new Error('went through, an error was expected')
}
