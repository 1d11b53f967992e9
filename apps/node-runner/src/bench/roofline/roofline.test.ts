import { GEMMA3_270M, GEMMA3_4B } from '@g3/runtime'
import { expect, it } from 'vitest'
import { decodeBytes, prefillMacs } from './model-work.js'
import { rooflineOf } from './roofline.js'

// 18 layers of 1024 x 640 (q), 2 of 256 x 640 (k, v), 640 x 1024 (o) and 3 of 2048 x 640.
const LAYERS_270M = 18 * (640 * 1024 + 2 * 640 * 256 + 1024 * 640 + 3 * 640 * 2048)

it('a prompt multiplies by all matrices of the layers, and queries with what they see', () => {
  expect(prefillMacs(GEMMA3_270M, 1)).toBe(LAYERS_270M + 18 * 2 * 1024)
  // Three global layers see (1 + 1024) / 2 positions; the local ones at most 512: (512 * 513 / 2 + 512 * 512) / 1024.
  const seen = 3 * 512.5 + 15 * 384.25
  expect(prefillMacs(GEMMA3_270M, 1024)).toBe(LAYERS_270M + seen * 2 * 1024)
})

it('matrices without embedding are as many as the report on Gemma 3 counts', () => {
  expect(prefillMacs(GEMMA3_4B, 1) / 3.209e9).toBeCloseTo(1, 2)
})

it('decoding reads each weight and what is seen of the cache', () => {
  const seen = 15 * 512 + 3 * 2001
  expect(decodeBytes(GEMMA3_270M, 1e6, { prompt: 2000, generate: 1 }, 'fast')).toBe(1e6 + seen * 2 * 516)
  const whole = { ...GEMMA3_270M, window: undefined, pattern: 1 }
  expect(decodeBytes(whole, 0, { prompt: 10, generate: 3 }, 'exact')).toBe(18 * 12 * 2 * 1024)
})

it('fractions are of the machine', () => {
  const facts = { config: GEMMA3_270M, weightBytes: 250e6 }
  const machine = { readBytesPerSecond: 30e9, macsPerSecond: 200e9 }
  const run = { prompt: 512, generate: 64, precision: 'precise', prefill: 1000, decode: 100 } as const
  const { decodeFraction, prefillFraction } = rooflineOf(machine, facts, run)
  expect(decodeFraction).toBeCloseTo((decodeBytes(GEMMA3_270M, 250e6, run, 'precise') * 100) / 30e9, 4)
  expect(prefillFraction).toBeCloseTo((prefillMacs(GEMMA3_270M, 512) * 1000) / 200e9, 4)
})
