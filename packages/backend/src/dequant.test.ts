import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { quantise } from './conformance/quantise.js'
import { random } from './conformance/random.js'
import { dequantize } from './dequant.js'
import { BLOCKS, type QuantType } from './quant.js'

const bytes = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../fixtures/ggml/${name}.bin`, import.meta.url)))

const floats = (name: string): Float32Array => new Float32Array(bytes(name).slice().buffer)

function decode(type: QuantType, packed: Uint8Array): Float32Array {
  const { blockBytes, blockWeights } = BLOCKS[type]
  const out = new Float32Array((packed.length / blockBytes) * blockWeights)
  dequantize(type, packed, out)
  return out
}

const bits = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer)

const TYPES = Object.keys(BLOCKS) as QuantType[]
const BLOCK_TYPES = TYPES.filter((type) => BLOCKS[type].blockWeights > 1)

describe('dequantize', () => {
  it.each([...BLOCK_TYPES, 'F16', 'BF16'] as QuantType[])('%s blocks have the bits of ggml', (type) => {
    expect(bits(decode(type, bytes(`${type}.raw`)))).toEqual(bits(floats(`${type}.f32`)))
  })

  it.each(BLOCK_TYPES)('%s rows of the ggml quantiser have its bits', (type) => {
    expect(bits(decode(type, bytes(`${type}.q.raw`)))).toEqual(bits(floats(`${type}.q.f32`)))
  })

  it('passes f32 through', () => {
    const values = Float32Array.of(1, -0, 1e-40, 3.4e38, Infinity)
    expect(bits(decode('F32', new Uint8Array(values.buffer)))).toEqual(bits(values))
  })

  it('decodes a view that does not start on an even byte', () => {
    const packed = new Uint8Array(19)
    packed.set(quantise('Q4_0', random(1).normal(32)), 1)
    expect(decode('Q4_0', packed.subarray(1))).toEqual(decode('Q4_0', packed.slice(1)))
  })

  it('refuses sizes that do not belong together', () => {
    expect(() => dequantize('Q4_0', new Uint8Array(17), new Float32Array(32))).toThrow(/17 bytes/)
    expect(() => dequantize('Q4_K', new Uint8Array(144), new Float32Array(255))).toThrow(/255 weights/)
  })
})

describe('quantise', () => {
  // Half a level of each type, for normal values whose largest is below 4.5.
  const STEP = { F32: 0, F16: 2e-3, BF16: 2e-2, Q4_0: 0.6, Q5_0: 0.3, Q8_0: 0.02, Q4_K: 0.5, Q6_K: 0.15 }

  it.each(TYPES)('%s blocks decode to about their source', (type) => {
    const source = random(7).normal(2048)
    const decoded = decode(type, quantise(type, source))
    const worst = decoded.reduce((most, value, i) => Math.max(most, Math.abs(value - source[i])), 0)
    expect(worst).toBeLessThanOrEqual(STEP[type])
  })

  it.each(TYPES)('%s keeps zeros', (type) => {
    expect(decode(type, quantise(type, new Float32Array(256))).every((value) => value === 0)).toBe(true)
  })
})
