import { expect, it } from 'vitest'
import { engineReport, page, ratio, spread } from './report.js'

it('spread gives least, median and most', () => {
  expect(spread([3, 1, 2])).toEqual([1, 2, 3])
  expect(spread([4, 1, 2, 3])).toEqual([1, 2.5, 4])
  expect(spread([7])).toEqual([7, 7, 7])
})

it('ratios divide our medians by theirs', () => {
  const report = (...speeds: number[]) =>
    engineReport(
      1,
      speeds.map((speed) => ({ prefill: speed * 10, decode: speed })),
      1e6,
    )
  const [ours, theirs] = [report(1, 30, 40), report(10, 20, 90)]
  expect(ratio(ours, theirs)).toEqual({ prefill: 1.5, decode: 1.5 })
  const text = page({ g3: ours, peers: { wllama: theirs }, ratios: { wllama: ratio(ours, theirs) } })
  expect(text).toMatch(/^g3 +0\.00 s +300\.0 \(10\.0 to 400\.0\) +30\.0 \(1\.0 to 40\.0\) +1 MB$/m)
  expect(text).toContain('g3 / wllama: prefill 1.5, decode 1.5\n')
})
