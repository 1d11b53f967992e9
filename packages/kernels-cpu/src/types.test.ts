import { BLOCKS, dequantize, type QuantType, rowBytes } from '@g3/backend'
import { random } from '@g3/backend/test'
import { expect, it } from 'vitest'
import { cpu } from './cpu.js'

const ROWS = 19
const COLS = 512

/** Rows of random bytes that are blocks of a type, with any scales and levels that are finite. */
function randomBlocks(type: QuantType): { readonly packed: Uint8Array; readonly values: Float32Array } {
  const { blockBytes, blockWeights } = BLOCKS[type]
  const rng = random(BLOCKS[type].id + 1)
  const packed = new Uint8Array(ROWS * rowBytes(type, COLS))
  const values = new Float32Array(ROWS * COLS)
  for (let at = 0, to = 0; at < packed.length; at += blockBytes, to += blockWeights) {
    const block = packed.subarray(at, at + blockBytes)
    const decoded = values.subarray(to, to + blockWeights)
    do {
      for (let i = 0; i < blockBytes; i++) block[i] = rng.below(256)
      dequantize(type, block, decoded)
    } while (!decoded.every(Number.isFinite))
  }
  return { packed, values }
}

it.each(Object.keys(BLOCKS) as QuantType[])('%s weights are the very values that ggml has', async (type) => {
  const { packed, values } = randomBlocks(type)
  await using backend = await cpu({ threads: 1 })
  const read = async (offset: number, into: Uint8Array): Promise<void> =>
    into.set(packed.subarray(offset, offset + into.length))
  const weight = await backend.load({ name: 'table', type, rows: ROWS, cols: COLS, read })
  const out = backend.buffer('out', ROWS, COLS)
  const program = backend.record('rows', (ops) => ops.embed({ weight, scale: 1, out }))
  backend.run(program, { rows: ROWS, ids: Int32Array.from({ length: ROWS }, (_, row) => row) })
  const got = await backend.read(out, ROWS)
  expect(got.findIndex((value, i) => value !== values[i])).toBe(-1)
})
