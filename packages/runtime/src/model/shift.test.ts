import { reference, type Backend, type CacheType } from '@g3/backend'
import { cpu } from '@g3/kernels-cpu'
import { afterAll, describe, expect, it } from 'vitest'
import { largestDifference, tinyModel } from '../testing/tiny-random.js'

const VOCAB = 512
const CONTEXT = 512
const IDS = Array.from({ length: 1200 }, (_, i) => (i * 37 + (i >> 4)) % VOCAB)

const MAKERS: readonly (readonly [
  string,
  () => Backend | Promise<Backend>,
  readonly (readonly [CacheType, number])[],
])[] = [
  [
    'the reference ops',
    reference,
    [
      ['f32', 1e-4],
      ['q8_0', 0.1],
    ],
  ],
  [
    'the CPU kernels, exact',
    () => cpu({ threads: 2, precision: 'exact' }),
    [
      ['f32', 1e-4],
      ['f16', 3e-3],
      ['q8_0', 0.1],
    ],
  ],
]

describe.each(MAKERS)('a shift on %s', async (_, make, types) => {
  const backend = await make()
  afterAll(() => backend.dispose())

  // Keys and values of a first layer come from their own tokens alone: a shifted text is then the shorter text itself.
  for (const [layer, change] of [
    ['local', { layers: 1 }],
    ['global, with scaled positions', { layers: 1, pattern: 1 }],
  ] as const) {
    it.each(types)(`moves the keys of a ${layer} layer to where they belong, %s`, async (cacheType, tolerance) => {
      const load = () => tinyModel({ backend, change, context: CONTEXT, maxRows: 100, cacheType })
      const [shifted, fresh] = [(await load()).sequence(), (await load()).sequence()]
      // Twice, so that keys move that have moved before.
      await shifted.append(IDS.slice(0, 500))
      expect(shifted.shift(128, 128)).toBe(128)
      await shifted.append(IDS.slice(500, 620))
      expect(shifted.shift(128, 256)).toBe(256)
      shifted.step(9)
      const left = [...IDS.slice(0, 128), ...IDS.slice(512, 620), 9]
      expect(shifted.length).toBe(left.length)
      // Local layers do not see across the cut, so what they see is within the window either way.
      await fresh.append(left)
      const want = await fresh.logits()
      expect(largestDifference(await shifted.logits(), want)).toBeLessThan(tolerance)
      expect(Math.max(...want) - Math.min(...want)).toBeGreaterThan(1)
    })
  }

  it('leaves other texts that share the pages as they are', async () => {
    const model = await tinyModel({ backend, context: CONTEXT, maxRows: 100, sequences: 3 })
    const text = model.sequence()
    await text.append(IDS.slice(0, 500))
    const twin = text.fork()
    const before = await twin.logits()
    text.shift(128, 128)
    text.step(3)
    expect(await twin.logits()).toEqual(before)
    const saved: Uint8Array[] = []
    for await (const bytes of text.save()) saved.push(bytes.slice())
    const other = model.sequence()
    await other.restore(
      (async function* () {
        yield* saved
      })(),
    )
    expect(await other.logits()).toEqual(await text.logits())
    // What a shift left is no beginning that others could go on from.
    text.keep()
    expect(twin.reuse(text.ids).reused).toBeLessThanOrEqual(500)
  })

  it('knows its tokens: a text that goes on from all of them need not be read again', async () => {
    const text = (await tinyModel({ backend, context: CONTEXT, maxRows: 100 })).sequence()
    await text.append(IDS.slice(0, 500))
    text.shift(128, 128)
    await text.append(IDS.slice(500, 550))
    expect(text.length).toBe(422)
    expect([...text.ids]).toEqual(IDS.slice(0, 550))
    expect(text.reuse(Int32Array.from([...IDS.slice(0, 550), 1, 2]))).toMatchObject({ reused: 550 })
    expect(() => text.shift(256, 128)).toThrow(expect.objectContaining({ code: 'kv-cache/shift' }))
    expect(() => text.shift(128, 100)).toThrow(expect.objectContaining({ code: 'kv-cache/shift' }))
    expect(text.length).toBe(422)
  })
})
