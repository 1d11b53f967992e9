import { estimate } from '@g3/runtime'
import { autoFootprint } from '@g3/runtime/auto'
import { expect, it } from 'vitest'
import { contexts, growth, plan, SIZES, WEIGHT_TYPES, withoutWindows, type SizeName, type WeightType } from './plan.js'
import { fillingRings } from './rings.js'

const footprint = await autoFootprint()

it('shows what estimate says, for every size, with every type of weights that is offered', () => {
  for (const size of Object.keys(SIZES) as SizeName[]) {
    for (const type of Object.keys(WEIGHT_TYPES) as WeightType[]) {
      const { estimate: got, allGlobal, config } = plan({ size, type, cacheType: 'f16', context: 32768 }, footprint)
      expect(got).toEqual(estimate({ config: SIZES[size], type, context: 32768, cacheType: 'f16', footprint }))
      expect(allGlobal.cache.localBytes).toBe(0)
      // Five or six of six layers are local, and their window is a 32nd of the text or a 64th.
      expect(allGlobal.cache.globalBytes).toBeGreaterThan(4 * (got.cache.localBytes + got.cache.globalBytes))
      expect(config.layers).toBe(withoutWindows(config).layers)
    }
  }
})

it('offers contexts up to what a model was trained for', () => {
  expect(contexts(SIZES['270M'])).toEqual([1024, 2048, 4096, 8192, 16384, 32768])
  expect(contexts(SIZES['4B']).at(-1)).toBe(131072)
})

it('draws caches that part where the window ends', () => {
  const { lengths, cache, allGlobal } = growth({ size: '1B', type: 'Q4_0', cacheType: 'f16', context: 32768 })
  for (const [n, length] of lengths.entries()) {
    if (length <= 512) expect(cache[n]).toBe(allGlobal[n])
    else expect(cache[n]).toBeLessThan(allGlobal[n] ?? 0)
  }
})

it('fills the rings as the pool does: local layers keep their window, global ones everything', () => {
  const before = fillingRings(SIZES['270M'], 8192)(300)
  expect(before.rings.map(({ pages }) => pages)).toEqual([3, 3])
  const after = fillingRings(SIZES['270M'], 8192)(8192)
  const [local, global] = after.rings
  expect(global?.cells.every((cell) => cell === 'seen')).toBe(true)
  expect(global?.pages).toBe(64)
  expect(local?.pages).toBeLessThan(12)
  expect(local?.cells.indexOf('seen')).toBe(60)
  expect(local?.cells.slice(0, 50).every((cell) => cell === 'given-up')).toBe(true)
  const none = fillingRings(withoutWindows(SIZES['270M']), 8192)(8192).rings
  expect(none.map(({ label, pages }) => [label, pages])).toEqual([['global', 64]])
  expect(
    fillingRings(
      SIZES['270M'],
      8192,
    )(0)
      .rings.flatMap(({ cells }) => cells)
      .every((cell) => cell === 'empty'),
  ).toBe(true)
})

it('reads on where a text grows, and anew where it is shorter', () => {
  const at = fillingRings(SIZES['1B'], 16384)
  const [first, grown] = [at(2048), at(9000)]
  expect(grown.rings[1]?.pages).toBe(71)
  expect(at(2048)).toEqual(first)
  expect(at(20_000)).toEqual(fillingRings(SIZES['1B'], 16384)(16384))
})

it('draws as many cells as fit, however long the text', () => {
  const { pagesOfCell, rings: all } = fillingRings(SIZES['27B'], 131072)(100_000)
  expect(pagesOfCell).toBe(16)
  for (const { cells } of all) expect(cells).toHaveLength(64)
})
