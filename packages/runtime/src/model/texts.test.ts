import { reference, type Backend, type CacheType } from '@g3/backend'
import { cpu } from '@g3/kernels-cpu'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { tinyModel } from '../testing/tiny-random.js'
import type { Gemma3, TextSequence } from './gemma3.js'

const VOCAB = 512
const CONTEXT = 700

/** What a random program does with three texts of one model. */
type Command =
  | { readonly kind: 'append'; readonly who: number; readonly count: number; readonly seed: number }
  | { readonly kind: 'rewind'; readonly who: number; readonly back: number }
  | { readonly kind: 'reuse'; readonly who: number; readonly like: number; readonly shared: number }
  | { readonly kind: 'fork' | 'move'; readonly who: number; readonly to: number }
  | { readonly kind: 'keep' | 'reset'; readonly who: number }

const who = fc.nat(2)
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      who,
      count: fc.integer({ min: 1, max: 120 }),
      seed: fc.nat(3),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('rewind' as const), who, back: fc.nat(200) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('reuse' as const), who, like: who, shared: fc.nat(CONTEXT) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('fork' as const, 'move' as const), who, to: who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('keep' as const, 'reset' as const), who }) },
)

const idsOf = (seed: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => (seed * 101 + i * 37 + (i >> 3)) % VOCAB)

describe.each<[string, () => Backend | Promise<Backend>, number]>([
  ['the reference ops', reference, 4],
  ['the CPU kernels', () => cpu({ threads: 2 }), 60],
])('texts that share pages, on %s', async (_, make, runs) => {
  const backend = await make()
  afterAll(() => backend.dispose())
  const load = (options: { maxRows?: number; sequences?: number } = {}): Promise<Gemma3> =>
    tinyModel({ backend, file: 'tiny-text-q8_0.gguf', context: CONTEXT, checkpoints: 2, ...options })

  /** Logits after a text that is computed anew, in steps of another size. */
  const fresh = (await load({ maxRows: 100 })).sequence()
  const computed = async (ids: readonly number[]): Promise<Float32Array> => {
    fresh.reset()
    await fresh.append(ids)
    return fresh.logits()
  }
  const model = await load({ maxRows: 33, sequences: 4 })

  it('random programs give the logits of a fresh computation, to the bit', { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 2, maxLength: 14 }), async (commands) => {
        const texts: TextSequence[] = [model.sequence(), model.sequence(), model.sequence()]
        const want: number[][] = [[], [], []]
        const replace = (index: number, sequence: TextSequence): void => {
          texts[index][Symbol.dispose]()
          texts[index] = sequence
        }
        for (const one of commands) {
          const text = texts[one.who]
          const ids = want[one.who]
          switch (one.kind) {
            case 'append': {
              const added = idsOf(one.seed, Math.min(one.count, CONTEXT - ids.length))
              await text.append(added)
              ids.push(...added)
              break
            }
            case 'rewind': {
              const to = Math.max(0, ids.length - one.back)
              try {
                text.rewind(to)
                ids.length = to
              } catch (error) {
                expect(error).toMatchObject({ code: 'kv-cache/rewound-past-window' })
              }
              break
            }
            case 'reuse': {
              const like = want[one.like].slice(0, one.shared)
              const { reused } = text.reuse(Int32Array.from(like))
              want[one.who] = like.slice(0, reused)
              break
            }
            case 'fork':
              if (one.to === one.who) break
              replace(one.to, text.fork())
              want[one.to] = [...ids]
              break
            case 'move': {
              if (one.to === one.who) break
              const saved: Uint8Array[] = []
              for await (const bytes of text.save()) saved.push(bytes.slice())
              await texts[one.to].restore(streamOf(saved))
              want[one.to] = [...ids]
              break
            }
            case 'keep':
              text.keep()
              break
            case 'reset':
              text.reset()
              want[one.who] = []
              break
            default:
              one satisfies never
          }
        }
        for (const [i, text] of texts.entries()) {
          expect([...text.ids]).toEqual(want[i])
          if (want[i].length < CONTEXT) {
            text.step(7)
            expect(await text.logits()).toEqual(await computed([...want[i], 7]))
          }
          text[Symbol.dispose]()
        }
      }),
      { numRuns: runs },
    )
  })

  it('goes on from what another text has left, without reading it again', async () => {
    const [a, b] = [model.sequence(), model.sequence()]
    const long = idsOf(11, 400)
    await a.append(long)
    a.keep()
    await a.append(idsOf(12, 60))
    expect(b.reuse(Int32Array.from([...long, 9, 9]))).toEqual({ reused: 400, branch: 400 })
    b.step(9)
    expect(await b.logits()).toEqual(await computed([...long, 9]))
    // Where the windows no longer reach back, it says how far the texts go together.
    expect(b.reuse(Int32Array.from([...long.slice(0, 100), 8]))).toEqual({ reused: 0, branch: 100 })
    for (const text of [a, b]) text[Symbol.dispose]()
  })

  it('restores what it refuses to take from others', async () => {
    const [a, b] = [model.sequence(), model.sequence()]
    await a.append(idsOf(3, 300))
    const saved: Uint8Array[] = []
    for await (const bytes of a.save()) saved.push(bytes.slice())
    await b.restore(streamOf(saved))
    expect(await b.logits()).toEqual(await a.logits())
    const other = (await tinyModel({ backend, file: 'tiny-text-q4_0.gguf', context: CONTEXT })).sequence()
    await expect(other.restore(streamOf(saved))).rejects.toMatchObject({ code: 'kv-cache/snapshot-foreign' })
    const torn = saved.map((bytes) => bytes.slice())
    torn[torn.length - 1][5] ^= 1
    await expect(b.restore(streamOf(torn))).rejects.toMatchObject({ code: 'kv-cache/snapshot-corrupt' })
    await expect(b.restore(streamOf(saved.slice(0, -1)))).rejects.toMatchObject({ code: 'kv-cache/snapshot-truncated' })
    expect(await b.logits()).toEqual(await a.logits())
    for (const text of [a, b]) text[Symbol.dispose]()
  })
})

describe.each<[string, () => Backend | Promise<Backend>, CacheType]>([
  ['the reference ops', reference, 'f32'],
  ['the CPU kernels, f16', () => cpu({ threads: 2 }), 'f16'],
  ['the CPU kernels, q8_0', () => cpu({ threads: 2 }), 'q8_0'],
])('bytes of a text on %s', async (_, make, cacheType) => {
  const backend = await make()
  afterAll(() => backend.dispose())

  it('are those of its own tokens, whatever was in its pages before', async () => {
    const model = await tinyModel({ backend, context: CONTEXT, cacheType, sequences: 3 })
    const bytesOf = async (text: TextSequence): Promise<Uint8Array[]> => {
      const all: Uint8Array[] = []
      for await (const bytes of text.save()) all.push(bytes.slice())
      return all
    }
    const [clean, used] = [model.sequence(), model.sequence()]
    await clean.append(idsOf(1, 200))
    const want = await bytesOf(clean)
    await used.append([...idsOf(1, 200), ...idsOf(2, 50)])
    used.rewind(200)
    expect(await bytesOf(used)).toEqual(want)
    // Two at a time, from texts that go on meanwhile.
    const [first, second] = [clean.save(), used.save()].map((saving) => saving[Symbol.asyncIterator]())
    const pieces: Uint8Array[][] = [[], []]
    for (let i = 0; i < want.length; i++) {
      const both = await Promise.all([first.next(), second.next()])
      for (const [n, { value }] of both.entries()) pieces[n].push(value.slice())
      if (i < 3) clean.step(5)
    }
    expect(pieces).toEqual([want, want])
  })
})

describe('caches', () => {
  it('have the type that is asked for, each kind of layer its own', async () => {
    await using backend = reference()
    const types: string[] = []
    const noting: Backend = {
      ...backend,
      cache(spec) {
        types.push(`${spec.label} ${spec.type}`)
        return backend.cache(spec)
      },
    }
    await tinyModel({ backend: noting, cacheType: { local: 'q8_0', global: 'f16' } })
    await tinyModel({ backend: noting })
    expect(types).toEqual(['local q8_0', 'global f16', 'local f32', 'global f32'])
  })

  it('keep to a budget, and say what it takes', async () => {
    await using backend = reference()
    const text = (await tinyModel({ backend, context: CONTEXT, cacheBytes: 2 ** 20 })).sequence()
    await expect(text.append(idsOf(1, 600))).rejects.toMatchObject({
      code: 'kv-cache/out-of-pages',
      message: expect.stringContaining('the budget is 1048576'),
    })
  })
})

async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks
}
