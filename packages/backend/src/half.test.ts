import { expect, it } from 'vitest'
import { fromBfloat, fromHalf, toHalf } from './half.js'

it('rounds every half to itself', () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = fromHalf(bits)
    if (Number.isNaN(value)) expect(toHalf(value)).toBe(0x7e00)
    else if (toHalf(value) !== bits) expect.fail(`half ${bits} became ${toHalf(value)}`)
  }
})

it('rounds to the nearest half, ties to even', () => {
  expect(toHalf(1 + 2 ** -11)).toBe(toHalf(1))
  expect(toHalf(1 + 3 * 2 ** -11)).toBe(toHalf(1 + 2 ** -9))
  expect(toHalf(65519)).toBe(0x7bff)
  expect(toHalf(65520)).toBe(0x7c00)
  expect(toHalf(2 ** -25)).toBe(0)
  expect(toHalf(-(2 ** -25) * 1.01)).toBe(0x8001)
})

it('reads bfloat16 as the upper half of an f32', () => {
  const word = new DataView(new ArrayBuffer(4))
  for (let bits = 0; bits < 0x10000; bits++) {
    word.setUint16(0, bits)
    if (!Object.is(fromBfloat(bits), word.getFloat32(0))) expect.fail(`bfloat16 ${bits}`)
  }
})
