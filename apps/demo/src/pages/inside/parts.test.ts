import { expect, it } from 'vitest'
import { headWeights, shades } from './attention.js'
import { chosenUpTo, withBranch } from './branches.js'

it('takes one head, or the mean of all, and shades by the largest', () => {
  const layer = { attention: Float32Array.of(0.5, 0.5, 0, 0, 0.25, 0.75) }
  expect(headWeights(layer, 2, 1)).toEqual(Float32Array.of(0, 0.25, 0.75))
  expect(headWeights(layer, 2, undefined)).toEqual(Float32Array.of(0.25, 0.375, 0.375))
  expect(shades(Float32Array.of(0.16, 0.04, 0))).toEqual(Float32Array.of(1, 0.5, 0))
  expect(shades(new Float32Array(2))).toEqual(new Float32Array(2))
})

it('keeps branches, the latest first, each once', () => {
  const short = { chosen: [1, 2], text: 'a' }
  const long = { chosen: [1, 2, 3], text: 'ab' }
  const other = { chosen: [1, 5], text: 'c' }
  expect(withBranch([short], long)).toEqual([long])
  expect(withBranch([long], other)).toEqual([other, long])
  expect(withBranch([other, long], other)).toEqual([other, long])
  expect(withBranch([long], { chosen: [], text: '' })).toEqual([long])
})

it('branches after the token that is looked at', () => {
  expect(chosenUpTo([7, 8, 9], 10, 11)).toEqual([7, 8])
  expect(chosenUpTo([7, 8, 9], 10, 9)).toEqual([])
  expect(chosenUpTo([7, 8, 9], 10, 2)).toEqual([])
})
