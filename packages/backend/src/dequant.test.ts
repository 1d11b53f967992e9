import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { quantise } from './conformance/quantise.js'
import { random } from './conformance/random.js'
import { dequantize, dequantizer } from './dequant.js'
import { type QuantType, STORED_BLOCKS, type StoredType } from './quant.js'
import { isPacked } from './stored-tensor.js'

const bytes = (name: string): Uint8Array =>
  new Uint8Array(readFileSync(new URL(`../fixtures/ggml/${name}.bin`, import.meta.url)))

const floats = (name: string): Float32Array => new Float32Array(bytes(name).slice().buffer)

function decode(type: StoredType, packed: Uint8Array): Float32Array {
  const { blockBytes, blockWeights } = STORED_BLOCKS[type]
  const out = new Float32Array((packed.length / blockBytes) * blockWeights)
  dequantize(type, packed, out)
  return out
}

const bits = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer)

const STORED_TYPES = Object.keys(STORED_BLOCKS) as StoredType[]
/** Types that ggml has no quantiser for without an importance matrix, or none at all. */
const WITHOUT_ROWS: readonly StoredType[] = ['F32', 'F16', 'BF16', 'IQ1_S', 'IQ1_M', 'IQ2_XXS', 'IQ2_XS', 'NVFP4']

describe('dequantize', () => {
  it.each(STORED_TYPES.filter((type) => type !== 'F32'))('%s blocks have the bits of ggml', (type) => {
    expect(bits(decode(type, bytes(`${type}.raw`)))).toEqual(bits(floats(`${type}.f32`)))
  })

  it.each(STORED_TYPES.filter((type) => !WITHOUT_ROWS.includes(type)))(
    '%s rows of the ggml quantiser have its bits',
    (type) => {
      expect(bits(decode(type, bytes(`${type}.q.raw`)))).toEqual(bits(floats(`${type}.q.f32`)))
    },
  )

  it('passes f32 through', () => {
    const values = Float32Array.of(1, -0, 1e-40, 3.4e38, Infinity)
    expect(bits(decode('F32', new Uint8Array(values.buffer)))).toEqual(bits(values))
  })

  it('decodes a view that does not start on an even byte', () => {
    const packed = new Uint8Array(19)
    packed.set(quantise('Q4_0', random(1).normal(32)), 1)
    expect(decode('Q4_0', packed.subarray(1))).toEqual(decode('Q4_0', packed.slice(1)))
  })

  it('prepares a decoder once for many calls', () => {
    const decode = dequantizer('IQ3_S')
    const [first, second] = [new Float32Array(256), new Float32Array(256)]
    decode(bytes('IQ3_S.raw').subarray(0, 110), first)
    decode(bytes('IQ3_S.raw').subarray(110, 220), second)
    expect([...first, ...second]).toEqual([...floats('IQ3_S.f32').subarray(0, 512)])
  })

  it('refuses sizes that do not belong together', () => {
    expect(() => dequantize('Q4_0', new Uint8Array(17), new Float32Array(32))).toThrow(/17 bytes/)
    expect(() => dequantize('Q4_K', new Uint8Array(144), new Float32Array(255))).toThrow(/255 weights/)
  })
})

describe('quantise', () => {
  // Half a level of each type, for normal values whose largest is below 4.5.
  const STEP = {
    ...{ F32: 0, F16: 2e-3, BF16: 2e-2, Q4_0: 0.6, Q5_0: 0.3, Q8_0: 0.02, Q4_K: 0.5, Q6_K: 0.15 },
    ...{ Q4_1: 0.35, Q5_1: 0.2, Q2_K: 1.6, Q3_K: 1.4, Q5_K: 0.25, IQ4_NL: 0.6, IQ4_XS: 0.7 },
  } satisfies Record<QuantType, number>
  const tested = Object.keys(STEP) as QuantType[]

  it.each(tested)('%s blocks decode to about their source', (type) => {
    const source = random(7).normal(2048)
    const decoded = decode(type, quantise(type, source))
    const worst = decoded.reduce((most, value, i) => Math.max(most, Math.abs(value - source[i])), 0)
    expect(worst).toBeLessThanOrEqual(STEP[type])
  })

  it.each(tested)('%s keeps zeros', (type) => {
    expect(decode(type, quantise(type, new Float32Array(256))).every((value) => value === 0)).toBe(true)
  })
})

it('isPacked tells what loads as it is', () => {
  const of = (type: StoredType) => ({ name: 'w', type, rows: 1, cols: 256, read: async () => {} })
  expect(isPacked(of('Q4_K'))).toBe(true)
  expect(isPacked(of('IQ3_S'))).toBe(false)
})
