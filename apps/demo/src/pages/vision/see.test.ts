import { expect, it } from 'vitest'
import { labModels } from '../../lab/opened.js'
import { context, example, tinyVision } from '../../lab/testing/site-model.js'
import { threeColours } from './project.js'
import { see as work, type SeeCall } from './see.js'

const see = work(labModels())

it('shows what the encoder gets and makes of a picture, in the sizes of the model', async () => {
  const here = context<SeeCall['item']>()
  const seen = await see({ model: tinyVision(), image: example('pair'), panAndScan: true }, here)
  expect(seen).toMatchObject({ patches: 12, grid: 3, tokenWidth: 128 })
  const [view] = seen.views
  expect(seen.views).toHaveLength(1)
  expect(view?.box).toEqual({ x: 0, y: 0, width: seen.width, height: seen.height })
  expect(view?.pixels).toHaveLength(3 * 96 * 96)
  expect(view?.colours).toHaveLength(27)
  expect(view?.norms.every((norm) => norm > 0)).toBe(true)
  // Two shapes on a ground: tokens differ.
  expect(new Set(view?.colours).size).toBeGreaterThan(9)
  expect(here.told.at(-1)).toEqual({ done: 3, total: 3 })
})

it('refuses a model without eyes, and a file that is no picture', async () => {
  const { mmproj: _, ...blind } = tinyVision()
  const coded = (code: string) => expect.objectContaining({ code })
  await expect(
    see({ model: { ...blind, id: 'blind' }, image: example('pair'), panAndScan: false }, context()),
  ).rejects.toThrow(coded('demo/no-eyes'))
  const text = new Blob(['no picture, and never was one'])
  await expect(see({ model: tinyVision(), image: text, panAndScan: false }, context())).rejects.toThrow(
    coded('vision/unknown-type'),
  )
})

it('gives points on a line one colour that grows along it, and no other', () => {
  const points = Float32Array.from({ length: 5 * 4 }, (_, i) => Math.floor(i / 4) * [3, -1, 0, 2][i % 4])
  const colours = threeColours(points, 4)
  const first = Array.from({ length: 5 }, (_, n) => colours[n * 3])
  const sorted = first[0] < first[4] ? first : first.toReversed()
  for (const [n, value] of sorted.entries()) expect(value).toBeCloseTo(n / 4, 5)
  for (let n = 0; n < 5; n++) expect([colours[n * 3 + 1], colours[n * 3 + 2]]).toEqual([0.5, 0.5])
})
