import type { Backend, CacheStore, CacheType } from '../contract.js'
import { fails, input, onBackend, sameBits, verify, type Suite } from './harness.js'
import { random } from './random.js'
import { ownViews, viewOf, viewsFor } from './views.js'

const LENGTH = 200
const WIDTH = 64

/** Pages as a whole: copied, cleared, taken out and put back. */
export function pages(suite: Suite): void {
  const { describe, it, make, cacheTypes } = suite
  describe('pages', () => {
    for (const type of cacheTypes) {
      const test = (name: string, body: (text: Text) => Promise<void>): void => {
        it(`${name}, ${type}`, () => onBackend(make, async (backend) => body(await text(backend, type))))
      }
      test('a copy gives the same bits and has a life of its own', async ({ backend, cache, attended, overwrite }) => {
        const before = await attended([0, 1])
        backend.copyPage(cache, 1, 4)
        sameBits('the copy', await attended([0, 4]), before)
        overwrite([5, 1])
        sameBits('the copy, after the original was written', await attended([0, 4]), before)
        verify(!isSame(await attended([0, 1]), before), 'the original has not changed')
      })
      test('a cleared page holds zeros', async ({ backend, cache, attended }) => {
        backend.copyPage(cache, undefined, 1)
        backend.copyPage(cache, undefined, 0)
        verify(
          (await attended([0, 1])).every((value) => value === 0),
          'something is left',
        )
      })
      test('what was read can be written elsewhere', async ({ backend, cache, attended }) => {
        const before = await attended([0, 1])
        const [first, second] = [await backend.readPage(cache, 0), await backend.readPage(cache, 1)]
        verify(first.byteLength === cache.pageBytes, `${first.byteLength} bytes instead of ${cache.pageBytes}`)
        await backend.writePage(cache, 3, first)
        await backend.writePage(cache, 2, second)
        sameBits('elsewhere', await attended([3, 2]), before)
        const again = await backend.readPage(cache, 3, new Uint8Array(cache.pageBytes))
        verify(
          first.every((byte, i) => byte === again[i]),
          'the bytes read again differ',
        )
      })
      test('another backend of the same kind takes them', async ({ backend, cache, attended }) => {
        const before = await attended([0, 1])
        const read = [await backend.readPage(cache, 0), await backend.readPage(cache, 1)]
        await onBackend(make, async (other) => {
          const theirs = await text(other, type, 99)
          verify(theirs.cache.layout === cache.layout, `${theirs.cache.layout} and ${cache.layout}`)
          for (const [page, bytes] of read.entries()) await other.writePage(theirs.cache, page, bytes)
          sameBits('there', await theirs.attended([0, 1]), before)
        })
      })
    }

    it('the layout names all that the bytes depend on', () =>
      onBackend(make, async (backend) => {
        const spec = { label: 'a', layers: 2, pages: 1, tableEntries: 1, kvHeads: 1, headDim: 64 }
        const [type] = cacheTypes
        const shapes = [
          { ...spec, layers: 1 },
          { ...spec, kvHeads: 2 },
          { ...spec, headDim: 32 },
        ]
        const others = [
          ...shapes.map((shape) => ({ ...shape, type })),
          ...cacheTypes.map((other) => ({ ...spec, type: other })),
        ]
        const layouts = others.map((other) => backend.cache(other).layout)
        verify(new Set(layouts).size === others.length, `not all different: ${layouts.join(', ')}`)
        const same = backend.cache({ ...spec, type, label: 'b', pages: 5, tableEntries: 9 })
        verify(same.layout === layouts[shapes.length], 'label and count of pages should not matter')
      }))
    it('refuses pages that are not there, bytes of another size, and caches of others', () =>
      onBackend(make, async (backend) => {
        const { cache, attended } = await text(backend, cacheTypes[0])
        const before = await attended([0, 1])
        for (const page of [-1, 6, 0.5, NaN]) {
          await fails('backend/page', `copy to ${page}`, () => copied(backend, cache, 0, page))
          await fails('backend/page', `copy from ${page}`, () => copied(backend, cache, page, 0))
          await fails('backend/page', `read ${page}`, () => backend.readPage(cache, page))
          await fails('backend/page', `write ${page}`, () =>
            backend.writePage(cache, page, new Uint8Array(cache.pageBytes)),
          )
        }
        await fails('backend/page', 'read into less', () =>
          backend.readPage(cache, 0, new Uint8Array(cache.pageBytes - 1)),
        )
        await fails('backend/page', 'write of less', () =>
          backend.writePage(cache, 0, new Uint8Array(cache.pageBytes - 1)),
        )
        await fails('backend/page', 'write of more', () =>
          backend.writePage(cache, 0, new Uint8Array(cache.pageBytes + 1)),
        )
        await onBackend(make, async (other) => {
          const theirs = await text(other, cacheTypes[0])
          await fails('backend/foreign', 'copy', () => copied(backend, theirs.cache, 0, 1))
          await fails('backend/foreign', 'read', () => backend.readPage(theirs.cache, 0))
          await fails('backend/foreign', 'write', () =>
            backend.writePage(theirs.cache, 0, new Uint8Array(theirs.cache.pageBytes)),
          )
        })
        sameBits('after all that', await attended([0, 1]), before)
      }))
    it('refuses caches that cannot be', () =>
      onBackend(make, async (backend) => {
        const spec = { label: 'c', layers: 1, pages: 1, tableEntries: 1, kvHeads: 1, headDim: 64, type: cacheTypes[0] }
        for (const wrong of [
          { layers: 0 },
          { pages: 1.5 },
          { tableEntries: 0 },
          { kvHeads: -1 },
          { headDim: NaN },
          { pages: 2 ** 30 },
        ]) {
          await fails('backend/shape', JSON.stringify(wrong), () => backend.cache({ ...spec, ...wrong }))
        }
        await fails('backend/shape', 'q8_0 of 48', () => backend.cache({ ...spec, type: 'q8_0', headDim: 48 }))
      }))
  })
}

/** A copy, and the wait that tells of its errors where the call itself does not. */
async function copied(backend: Backend, cache: CacheStore, from: number, to: number): Promise<void> {
  backend.copyPage(cache, from, to)
  await backend.readPage(cache, 0)
}

interface Text {
  readonly backend: Backend
  readonly cache: CacheStore
  /** What a row makes of a text of {@link LENGTH} that lies in these two pages, both layers. */
  attended(table: readonly number[]): Promise<Float32Array>
  /** Stores other keys and values at every position of these pages. */
  overwrite(table: readonly number[]): void
}

/** A text in pages 0 and 1 of a cache of two layers. */
async function text(backend: Backend, type: CacheType, seed = 70): Promise<Text> {
  const rng = random(seed)
  const cache = backend.cache({ label: 'text', layers: 2, pages: 6, tableEntries: 8, kvHeads: 1, headDim: WIDTH, type })
  const rows = await input(backend, 'rows', LENGTH, WIDTH, rng.normal(LENGTH * WIDTH))
  const query = await input(backend, 'query', 2, WIDTH, random(71).normal(2 * WIDTH))
  const out = backend.buffer('out', 1, WIDTH)
  const programs = [0, 1].map((layer) => ({
    store: backend.record('store', (ops) => ops.store({ k: rows.buffer, v: rows.buffer, cache, layer })),
    attend: backend.record('attend', (ops) => ops.attend({ q: query.buffer, cache, layer, scale: 0.125, out })),
  }))
  const positions = Int32Array.from({ length: LENGTH }, (_, p) => p)
  const stored = (table: readonly number[], ids: Int32Array): void => {
    rows.fill(ids)
    for (const { store } of programs)
      backend.run(store, { rows: LENGTH, views: viewsFor([[cache, ownViews(table, positions)]]) })
  }
  stored([0, 1], positions)
  return {
    backend,
    cache,
    async attended(table) {
      const view = viewOf({ table, positions: [LENGTH - 1], spans: [[0, LENGTH]] })
      const values = new Float32Array(2 * WIDTH)
      for (const [layer, { attend }] of programs.entries()) {
        query.fill()
        backend.run(attend, { rows: 1, views: viewsFor([[cache, view]]) })
        values.set(await backend.read(out, 1), layer * WIDTH)
      }
      return values
    },
    overwrite: (table) =>
      stored(
        table,
        positions.map((p) => LENGTH - 1 - p),
      ),
  }
}

const isSame = (a: Float32Array, b: Float32Array): boolean => a.every((value, i) => Object.is(value, b[i]))
