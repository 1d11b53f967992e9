import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shareRows } from './share-rows.js'

const counts = (left: readonly number[], passRows = 512): number[] => {
  const readers = left.map((tokens) => ({ left: tokens }))
  const shares = shareRows(readers, passRows)
  return readers.map((reader) => shares.find((share) => share.reader === reader)?.count ?? 0)
}

describe('the rows of a pass', () => {
  it('are one of each text that is being written, and 64 of a prompt beside them', () =>
    expect(counts([1, 1, 3000, 1])).toEqual([1, 1, 64, 1]))

  it('are as many as fit of prompts alone', () => {
    expect(counts([3000])).toEqual([512])
    expect(counts([12, 20])).toEqual([12, 20])
  })

  it('go to prompts in equal parts, and what short ones leave to the long ones', () => {
    expect(counts([3000, 10, 3000], 100)).toEqual([45, 10, 45])
    expect(counts([1, 4000, 12, 4000])).toEqual([1, 26, 12, 26])
  })

  it('never exceed the pass, and always bring somebody on', () => {
    const readers = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 40 })
    fc.assert(
      fc.property(readers, fc.integer({ min: 40, max: 600 }), (left, passRows) => {
        const shared = counts(left, passRows)
        const sum = shared.reduce((all, count) => all + count)
        return (
          sum > 0 &&
          sum <= passRows &&
          shared.every((count, i) => count >= 0 && count <= left[i] && (left[i] > 1 || count === 1))
        )
      }),
    )
  })
})
