import { dequantize, isPacked, rowBytes, type StoredTensor } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { bytesSource, readGguf } from '../gguf/index.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { exact, loadable } from './loadable.js'

async function valuesOf(tensor: StoredTensor): Promise<Float32Array> {
  const packed = new Uint8Array(tensor.rows * rowBytes(tensor.type, tensor.cols))
  await tensor.read(0, packed)
  const values = new Float32Array(tensor.rows * tensor.cols)
  dequantize(tensor.type, packed, values)
  return values
}

const FILES = {
  IQ4_NL: 'tiny-text-iq4_nl.gguf',
  IQ3_S: 'tinyk-text-iq3_s.gguf',
  Q4_K: 'tinyk-text-q4_k.gguf',
} as const

async function matrix(type: keyof typeof FILES): Promise<StoredTensor> {
  const gguf = await readGguf(bytesSource(fixtureBytes(`tiny-random/${FILES[type]}`)))
  const found = [...gguf.tensors.values()].find((tensor) => tensor.type === type)
  if (!found) throw new Error(`no ${type} in ${FILES[type]}`)
  return found
}

describe('a tensor of a type that backends do not hold', () => {
  it('loads in 8 bits, each value within half a level', async () => {
    const tensor = await matrix('IQ3_S')
    expect(isPacked(tensor)).toBe(false)
    const want = await valuesOf(tensor)
    const packed = loadable(tensor)
    expect(packed.type).toBe('Q8_0')
    const got = await valuesOf(packed)
    for (let from = 0; from < want.length; from += 32) {
      const largest = want.slice(from, from + 32).reduce((most, value) => Math.max(most, Math.abs(value)), 0)
      // Half a level, and what rounding its size to an f16 does at level 127.
      const bound = largest * (1 / 254 + 2 ** -11)
      for (let i = from; i < from + 32; i++) expect(Math.abs(got[i] - want[i])).toBeLessThanOrEqual(bound)
    }
  })

  it('keeps its values as F32', async () => {
    for (const type of ['IQ3_S', 'IQ4_NL'] as const) {
      const tensor = await matrix(type)
      expect(exact(tensor).type).toBe('F32')
      expect(await valuesOf(exact(tensor))).toEqual(await valuesOf(tensor))
    }
  })
})

it('a tensor of a type that backends hold loads as it is', async () => {
  const tensor = await matrix('Q4_K')
  expect(loadable(tensor)).toBe(tensor)
})
