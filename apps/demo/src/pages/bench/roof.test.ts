import { expect, it } from 'vitest'
import { roof } from './roof.js'
import type { BenchReport } from './rounds.js'

const report: BenchReport = {
  model: 'a model',
  backend: 'cpu: wasm relaxed-simd',
  threads: 1,
  prompt: 128,
  generate: 32,
  rounds: 5,
  loadMs: 10,
  prefill: [90, 100, 110],
  decode: [9, 10, 11],
  weightBytes: 1e8,
  decodeBytesPerSecond: 2e9,
  prefillMacsPerSecond: 3e10,
  oneThread: { readBytesPerSecond: 8e9, macsPerSecond: 6e10 },
  perOp: [],
  browser: 'a browser',
}

it('holds one thread against what a loop on one thread does', () => {
  const [memory, arithmetic] = roof(report)
  expect(memory).toMatchObject({ used: '2.00', limit: '8.00', unit: 'GB/s', fraction: 0.25 })
  expect(arithmetic).toMatchObject({ used: '30.0', limit: '60.0', fraction: 0.5 })
  expect(memory.words).toContain('25 %')
})

it('claims no limit that was not measured', () => {
  for (const change of [{ threads: 4 }, { backend: 'webgpu: a GPU' }, { oneThread: undefined }]) {
    for (const line of roof({ ...report, ...change })) {
      expect([line.limit, line.fraction]).toEqual([undefined, undefined])
      expect(line.words).not.toBe('')
    }
  }
})
