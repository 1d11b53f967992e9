import { expect, it } from 'vitest'
import { labModels } from '../../lab/opened.js'
import { context, tinyVision } from '../../lab/testing/site-model.js'
import { rounds as work, type RoundsCall } from './rounds.js'

const rounds = work(labModels())

it('measures rounds, what they read and multiply, and each op of a token', async () => {
  const here = context<RoundsCall['item']>()
  const report = await rounds({ model: tinyVision(), title: 'tiny-vision', prompt: 32, generate: 8, rounds: 2 }, here)
  expect(report).toMatchObject({ model: 'tiny-vision', threads: 1, prompt: 32, generate: 8, rounds: 2 })
  for (const [least, middle, most] of [report.prefill, report.decode]) {
    expect(least).toBeGreaterThan(0)
    expect(middle).toBeGreaterThanOrEqual(least)
    expect(most).toBeGreaterThanOrEqual(middle)
  }
  // All weights are read for each token, and something of the caches.
  expect(report.decodeBytesPerSecond).toBeGreaterThan(report.weightBytes * report.decode[1])
  expect(report.oneThread?.readBytesPerSecond).toBeGreaterThan(1e8)
  const calls = Object.fromEntries(report.perOp.map(({ op, calls: count }) => [op, count]))
  expect(calls).toMatchObject({ qkv: 6, attend: 6, gatedUp: 6, project: 12, addNorm: 12, embed: 1 })
  expect(here.told.map(({ line }) => line)).toContain('Round 2 of 2')
  const shares = here.told.map(({ share }) => share)
  expect(shares).toEqual([...shares].sort((a, b) => a - b))
  expect(shares.at(-1)).toBeLessThan(1)
})
