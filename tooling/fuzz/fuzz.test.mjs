import { expect, it } from 'vitest'
import { fuzz } from './fuzz.mjs'
import { mutate } from './mutate.mjs'
import { fuzzTargets } from './targets.mjs'

const bytes = Uint8Array.from({ length: 2000 }, (_, i) => i)
const target = (read) => ({ name: 'own', seeds: [{ name: 'bytes', bytes }], read })

it('damages alike for a seed, and otherwise for another', () => {
  expect(mutate(bytes, 7)).toEqual(mutate(bytes, 7))
  const made = new Set(Array.from({ length: 50 }, (_, seed) => mutate(bytes, seed).join()))
  expect(made.size).toBeGreaterThan(45)
})

it('names the seed of an error that is not ours, and counts those that are', async () => {
  const ours = Object.assign(new Error('refused'), { code: 'gguf/bad-magic', [Symbol.for('g3.error')]: true })
  const refusing = () => Promise.reject(ours)
  expect(await fuzz(target(refusing), { seed: 1, milliseconds: 5000, most: 9 })).toEqual({
    count: 9,
    refused: 9,
    problem: undefined,
  })
  const broken = () => {
    throw new RangeError('Invalid typed array length')
  }
  const { problem } = await fuzz(target(broken), { seed: 3, milliseconds: 5000 })
  expect(problem).toMatch(/RangeError[^]*--target own --seed 3 --count 1/)
})

it('breaks nothing that reads what strangers write', async () => {
  for (const each of await fuzzTargets()) {
    // What is right must be taken, or nothing behind the first check is met.
    await each.read(each.seeds[0].bytes)
    const { problem } = await fuzz(each, { seed: 1, milliseconds: 1000, most: 300 })
    expect(problem, each.name).toBeUndefined()
  }
}, 30_000)
