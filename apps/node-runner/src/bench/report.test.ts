import { expect, it } from 'vitest'
import type { Measured } from './contest.js'
import { parseEngines } from './engine-spec.js'
import { page } from './page.js'
import { contestReport } from './report.js'
import { spread } from './spread.js'

it('spread gives least, median and most', () => {
  expect(spread([3, 1, 2])).toEqual([1, 2, 3])
  expect(spread([4, 1, 2, 3])).toEqual([1, 2.5, 4])
  expect(spread([7])).toEqual([7, 7, 7])
})

const measured = (...speeds: number[]): Measured => ({
  loadMs: 250,
  rounds: speeds.map((speed) => ({ prefill: speed * 10, decode: speed })),
  peakRssBytes: 1e6,
})

const [main, wllama, precise, llama] = parseEngines('g3,wllama,g3:precise,node-llama-cpp')
const report = contestReport(main, {
  measured: new Map([
    [main, measured(1, 30, 40)],
    [wllama, measured(10, 20, 90)],
    [precise, measured(60)],
  ]),
  failures: new Map([[llama, { code: 'bench/engine-died', message: 'it\u001b[31m died' }]]),
})

it('ratios divide our medians by theirs', () => {
  expect(report.ratios).toEqual({ wllama: { prefill: 1.5, decode: 1.5 }, 'g3:precise': { prefill: 0.5, decode: 0.5 } })
  expect(report.peers.wllama).toEqual({ loadMs: 250, prefill: [100, 200, 900], decode: [10, 20, 90], peakRssBytes: 1e6 })
})

it('a page says what was measured, of whom, and what could not be', () => {
  const roofline = { readBytesPerSecond: 40e9, macsPerSecond: 200e9, decodeFraction: 0.75, prefillFraction: 0.5 }
  const byContext = [
    { context: 512, decode: 100 },
    { context: 16384, decode: 80 },
  ]
  const byBatch = [
    { batch: 1, tokensPerSecond: 100 },
    { batch: 8, tokensPerSecond: 450 },
  ]
  const text = page({ ...report, roofline, byContext, byBatch }, { model: 'tiny', engine: 'g3', prompt: 512, generate: 64, threads: 2, repeat: 3 })
  expect(text).toMatch(/^tiny\n512 tokens of prompt, 64 more; 2 threads; medians of 3 rounds\n/)
  expect(text).toMatch(/^ {2}g3 +300 {2}█+.? +10\.0 to 400$/m)
  expect(text).toMatch(/^ {2}wllama +200 {2}█+.? +100 to 900 +1\.50x$/m)
  expect(text).toMatch(/^ {2}g3:precise +600 {2}█+ +0\.50x$/m)
  expect(text).toMatch(/^ {2}g3 +0\.25 s +1 MB$/m)
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80)
  expect(text).toContain('\nroofline  decode 30.0 of 40.0 GB/s (0.75)   prefill 100 of 200 GMAC/s (0.50)\n')
  expect(text).toMatch(/^ {2}512 tokens +100 {2}█+$/m)
  expect(text).toMatch(/^ {2}16384 tokens +80\.0 {2}█+.? +0\.80x$/m)
  expect(text).toMatch(/^ {2}8 sequences +450 {2}█+ +4\.50x$/m)
  expect(text).toContain('node-llama-cpp was not measured: it\ufffd[31m died (bench/engine-died)\n')
})
