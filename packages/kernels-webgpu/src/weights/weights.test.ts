import { BLOCKS, dequantize, rowBytes, type QuantType } from '@g3/backend'
import { random, tensor } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import { counted } from '../testing/counting.js'
import { testGpu } from '../testing/gpu.js'
import { webgpu } from '../webgpu.js'

const ROWS = 19
const COLS = 512

/** WGSL lets a GPU take f32 numbers below 2^-126 for 0. */
const isNormal = (value: number): boolean => Number.isFinite(value) && (value === 0 || Math.abs(value) >= 2 ** -126)

/** Rows of random bytes that are blocks of a type, with any scales and levels that give normal numbers. */
function randomBlocks(type: QuantType): { readonly packed: Uint8Array; readonly values: Float32Array } {
  const { id, blockBytes, blockWeights } = BLOCKS[type]
  const rng = random(id + 1)
  const packed = new Uint8Array(ROWS * rowBytes(type, COLS))
  const values = new Float32Array(ROWS * COLS)
  for (let at = 0, to = 0; at < packed.length; at += blockBytes, to += blockWeights) {
    const block = packed.subarray(at, at + blockBytes)
    const decoded = values.subarray(to, to + blockWeights)
    do {
      for (let i = 0; i < blockBytes; i++) block[i] = rng.below(256)
      dequantize(type, block, decoded)
    } while (!decoded.every(isNormal))
  }
  return { packed, values }
}

const { gpu, missing } = await testGpu()

describe.skipIf(missing !== '')('weights on the GPU', () => {
  it.each(Object.keys(BLOCKS) as QuantType[])('%s: the very values that ggml has', async (type) => {
    const { packed, values } = randomBlocks(type)
    await using backend = await webgpu({ gpu, selfCheck: false })
    const read = async (offset: number, into: Uint8Array): Promise<void> =>
      into.set(packed.subarray(offset, offset + into.length))
    const weight = await backend.load({ name: 'table', type, rows: ROWS, cols: COLS, read })
    const out = backend.buffer('out', ROWS, COLS)
    const program = backend.record('rows', (ops) => ops.embed({ weight, scale: 1, out }))
    backend.run(program, { rows: ROWS, ids: Int32Array.from({ length: ROWS }, (_, row) => row) })
    const got = await backend.read(out, ROWS)
    expect(got.findIndex((value, i) => value !== values[i])).toBe(-1)
  })

  it('are read in parts of 2 MiB, and take no more of the GPU than of the file, up to whole 8 rows', async () => {
    const adapter = await gpu.requestAdapter()
    const { device, take } = counted(await (adapter ?? expect.fail(missing)).requestDevice())
    await using backend = await webgpu({ device, selfCheck: false })
    const [rows, cols] = [4099, 1024]
    const bytes = rows * rowBytes('Q8_0', cols)
    let largest = 0
    take()
    await backend.load({
      ...tensor('m', 'Q8_0', 1, 32, new Float32Array(32)),
      rows,
      cols,
      read: async (_, into) => {
        largest = Math.max(largest, into.byteLength)
      },
    })
    expect(largest).toBeLessThanOrEqual(2 * 2 ** 20)
    const { buffers, writtenBytes } = take()
    expect(buffers).toBe(1)
    expect(writtenBytes / bytes).toBeLessThan(1.002)
    device.destroy()
  })
})
