import { BLOCKS, dequantize, rowBytes, type PackedTensor, type QuantType } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { fixtureBytes } from '../testing/fixtures.js'
import { quantised, type LoadType } from './quantised.js'
import { recoded } from './recoded.js'

/** A tensor in memory, with a count of the bytes that were read of it. */
function tensorOf(
  type: QuantType,
  cols: number,
  bytes: Uint8Array,
): PackedTensor & { readonly read: PackedTensor['read']; bytesRead: number } {
  const rows = bytes.byteLength / rowBytes(type, cols)
  const tensor = {
    name: 't',
    type,
    rows,
    cols,
    bytesRead: 0,
    async read(offset: number, into: Uint8Array) {
      if (offset < 0 || offset + into.byteLength > bytes.byteLength) throw new Error('outside')
      into.set(bytes.subarray(offset, offset + into.byteLength))
      tensor.bytesRead += into.byteLength
    },
  }
  return tensor
}

const floats = (cols: number, values: ArrayLike<number>) =>
  tensorOf('F32', cols, new Uint8Array(Float32Array.from(values).buffer))

async function bytesOf(tensor: PackedTensor): Promise<Uint8Array> {
  const bytes = new Uint8Array(tensor.rows * rowBytes(tensor.type, tensor.cols))
  await tensor.read(0, bytes)
  return bytes
}

const source = fixtureBytes('ggml/source.q.f32.bin')
const TYPES: readonly LoadType[] = ['Q8_0', 'Q4_0']

describe.each(TYPES)('%s', (type) => {
  const golden = fixtureBytes(`ggml/${type}.q.raw.bin`)
  const packed = () => quantised(tensorOf('F32', 256, source), type)

  it("has the bits of ggml's quantiser", async () => {
    const tensor = packed()
    expect(tensor).toMatchObject({ name: 't', type, rows: 4, cols: 256 })
    expect(await bytesOf(tensor)).toEqual(Uint8Array.from(golden))
  })

  it('reads any range as a part of the whole', async () => {
    for (let offset = 0; offset <= golden.length; offset += 13) {
      for (const length of [0, 1, 33, 34, 35, 200, golden.length - offset]) {
        if (offset + length > golden.length) continue
        const part = new Uint8Array(length)
        await packed().read(offset, part)
        expect(part).toEqual(Uint8Array.from(golden.subarray(offset, offset + length)))
      }
    }
  })

  it('refuses ranges outside', async () => {
    for (const [offset, length] of [
      [-1, 1],
      [0.5, 1],
      [golden.length, 1],
      [0, golden.length + 1],
      [NaN, 0],
    ] as const) {
      await expect(packed().read(offset, new Uint8Array(length))).rejects.toMatchObject({ code: 'tensor/read-range' })
    }
  })

  it('decodes no more than a read needs, into shared memory too', async () => {
    const tensor = tensorOf('F32', 256, source)
    const into = new Uint8Array(new SharedArrayBuffer(BLOCKS[type].blockBytes))
    await quantised(tensor, type).read(2 * BLOCKS[type].blockBytes, into)
    expect(tensor.bytesRead).toBe(32 * 4)
    expect(Array.from(into)).toEqual(Array.from(golden.subarray(2 * into.length, 3 * into.length)))
  })

  it('packs large tensors in steps, from K-quant blocks as well', async () => {
    const raw = fixtureBytes('ggml/Q6_K.q.raw.bin')
    const many = new Uint8Array(raw.length * 70)
    for (let i = 0; i < 70; i++) many.set(raw, i * raw.length)
    const whole = await bytesOf(quantised(tensorOf('Q6_K', 1024, many), type))
    const once = await bytesOf(quantised(tensorOf('Q6_K', 1024, Uint8Array.from(raw)), type))
    expect(whole.length).toBe(once.length * 70)
    for (let i = 0; i < 70; i++) expect(whole.subarray(i * once.length, (i + 1) * once.length)).toEqual(once)
    const part = new Uint8Array(3 * BLOCKS[type].blockBytes)
    await quantised(tensorOf('Q6_K', 1024, many), type).read(once.length + BLOCKS[type].blockBytes, part)
    expect(part).toEqual(once.subarray(BLOCKS[type].blockBytes, 4 * BLOCKS[type].blockBytes))
  })

  it.each([
    ['zeros', 0],
    ['values too small for a scale', 1e-40],
    ['the smallest f32', 2 ** -149],
    ['one value', -3],
    ['the largest f16', 65_504],
  ])('stays finite for %s', async (_, value) => {
    const values = new Float32Array(32)
    await bytesOf(quantised(floats(32, new Float32Array(32).fill(value)), type)).then((bytes) =>
      dequantize(type, bytes, values),
    )
    for (const got of values) expect(Math.abs(got - value)).toBeLessThanOrEqual(Math.max(Math.abs(value) / 64, 1e-7))
  })

  it.each([NaN, Infinity, -Infinity, 65_505, -1e30])('refuses a weight of %d', async (value) => {
    const bad = quantised(
      floats(
        32,
        Array.from({ length: 64 }, (_, i) => (i === 40 ? value : 1)),
      ),
      type,
    )
    await bad.read(0, new Uint8Array(BLOCKS[type].blockBytes))
    await expect(bytesOf(bad)).rejects.toMatchObject({ code: 'quantise/bad-weight' })
  })

  it('refuses rows that are no whole blocks', () => {
    expect(() => quantised(floats(33, new Float32Array(33)), type)).toThrow(
      expect.objectContaining({ code: 'quantise/shape' }),
    )
  })

  it("passes on the source's failure and the signal", async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    const tensor = {
      ...floats(32, new Float32Array(32)),
      read: async (_: number, __: Uint8Array, given?: AbortSignal) => given?.throwIfAborted(),
    }
    await expect(quantised(tensor, type).read(0, new Uint8Array(4), signal)).rejects.toBe(signal.reason)
  })
})

describe('recoded', () => {
  it('gives what the encoder makes of the values, in order', async () => {
    const tensor = recoded(floats(2, [1, 2, 3, 4]), 'F32', (values, packed) =>
      packed.set(new Uint8Array(values.map((value) => value * 10).buffer)),
    )
    expect(new Float32Array((await bytesOf(tensor)).buffer)).toEqual(Float32Array.of(10, 20, 30, 40))
  })
})
