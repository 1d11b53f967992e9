import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
// As built: the worker is a file of its own there.
import { onnxEncoder, type OnnxEncoderOptions } from '@g3/vision/onnx'
import { describe, expect, it } from 'vitest'
import { normalise } from '../normalise.js'
import { nameOf } from './files.js'
import { sizesOf } from './sizes.js'

const fixture = (name: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(readFileSync(fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url))))

const SIDE = 112
const VALUES = 4 * 64
const want = new Float32Array(fixture('tiny-random/vision.soft_tokens.bin').buffer)
const bytes = 3 * SIDE * SIDE
const views = [0, 1].map((i) =>
  normalise({
    width: SIDE,
    height: SIDE,
    data: fixture('tiny-random/images.u8.bin').slice(i * bytes, (i + 1) * bytes),
  }),
)

const model = (name = 'vision_encoder.onnx', more: Partial<OnnxEncoderOptions> = {}) =>
  onnxEncoder({ model: fixture(`onnx/${name}`), side: SIDE, tokens: 4, width: 64, ...more })

const data = { 'vision_encoder_data.onnx_data': fixture('onnx/vision_encoder_data.onnx_data') }

const apart = (found: Float32Array, expected: Float32Array): number =>
  found.reduce(
    (most, value, i) => Math.max(most, Math.abs(value - expected[i])),
    found.length === expected.length ? 0 : NaN,
  )

describe('an encoder of ONNX Runtime', () => {
  // Soft tokens reach 4.2; in f16 each of three layers rounds all that it makes to 11 bits.
  it.each([
    ['with weights beside it', 1e-4, () => model('vision_encoder_data.onnx', { data })],
    ['in f16, both ends too', 5e-2, () => model('vision_encoder_fp16.onnx', { threads: 1 })],
  ])("gives transformers' soft tokens: %s", async (_, most, make) => {
    await using encoder = await make()
    expect(encoder).toMatchObject({ side: SIDE, tokens: 4, width: 64, name: expect.stringMatching(/^[0-9a-f]{16}$/) })
    for (const [i, view] of views.entries()) {
      const told: number[] = []
      const found = await encoder.encode(view, { onProgress: (...progress) => told.push(...progress) })
      expect(apart(found, want.subarray(i * VALUES, (i + 1) * VALUES))).toBeLessThan(most)
      expect(told).toEqual([1, 1])
    }
    await expect(encoder.encode(views[0].subarray(1))).rejects.toMatchObject({ code: 'vision/bad-pixels' })
    await encoder[Symbol.asyncDispose]()
    await expect(encoder.encode(views[0])).rejects.toMatchObject({ code: 'vision/onnx-disposed' })
  })

  // ONNX Runtime's own, from Python: what differs is the order of sums, by which here and there an activation falls to the next of 255 levels.
  it.each([
    ['quantized', 5e-2],
    ['q4', 1e-3],
    ['bnb4', 1e-3],
  ])("gives native ONNX Runtime's soft tokens, of the hub's kind _%s", async (kind, most) => {
    const native = new Float32Array(fixture(`onnx/soft_tokens.${kind}.bin`).buffer)
    await using encoder = await model(`vision_encoder_${kind}.onnx`)
    for (const [i, view] of views.entries()) {
      const error = apart(await encoder.encode(view), native.subarray(i * VALUES, (i + 1) * VALUES))
      expect(error).toBeLessThan(most)
    }
  })

  it('stops at once when aborted, and goes on with the next view', async () => {
    await using encoder = await model()
    const abort = new AbortController()
    const reason = new Error('no longer wanted')
    const encoding = encoder.encode(views[0], { signal: abort.signal })
    await expect(encoder.encode(views[1])).rejects.toMatchObject({ code: 'vision/busy' })
    abort.abort(reason)
    await expect(encoding).rejects.toBe(reason)
    await expect(encoder.encode(views[0], { signal: abort.signal })).rejects.toBe(reason)
    expect(apart(await encoder.encode(views[0]), want.subarray(0, VALUES))).toBeLessThan(1e-4)
    await expect(model('vision_encoder.onnx', { signal: abort.signal })).rejects.toBe(reason)
  })

  it.each<[what: string, code: string, open: () => Promise<unknown>]>([
    ['a file that is no model', 'vision/onnx-model', () => onnxEncoder({ model: new Uint8Array(100), width: 64 })],
    ['a model without its weights', 'vision/onnx-model', () => model('vision_encoder_data.onnx')],
    ['a file that is elsewhere', 'vision/onnx-fetch', () => onnxEncoder({ model: 'http://127.0.0.1:9/x', width: 64 })],
  ])('refuses %s', async (_, code, open) => {
    await expect(open()).rejects.toMatchObject({ code })
  })
})

it('has a name of its own for each set of weights', async () => {
  const [plain, half, beside] = [
    'vision_encoder.onnx',
    'vision_encoder_fp16.onnx',
    'vision_encoder_data.onnx_data',
  ].map((name) => new Blob([fixture(`onnx/${name}`)]))
  const names = await Promise.all([[plain], [plain], [half], [plain, beside]].map(nameOf))
  expect(names[1]).toBe(names[0])
  expect(new Set(names).size).toBe(3)
})

describe('sizes', () => {
  const input = { type: 'float32', shape: ['batch_size', 3, 896, 896] }
  const open = { type: 'float32', shape: ['batch_size', 'tokens', 'hidden'] }

  it("are the model's, else the options', else all published ones'", () => {
    const output = { type: 'float32', shape: ['batch_size', 256, 2560] }
    expect(sizesOf(input, output, {})).toEqual({ side: 896, tokens: 256, width: 2560 })
    expect(sizesOf({ ...input, shape: ['n', 3, 'h', 'w'] }, open, { width: 64 })).toEqual({
      side: 896,
      tokens: 256,
      width: 64,
    })
    expect(sizesOf(input, open, { tokens: 4, width: 64 })).toEqual({ side: 896, tokens: 4, width: 64 })
    expect(sizesOf({ ...input, shape: ['n', 3, 112, 112] }, open, { width: 64 })).toMatchObject({ tokens: 4 })
  })

  it.each([
    ['no image goes in', undefined, open, {}, 'vision/onnx-ends'],
    ['no features come out', input, undefined, {}, 'vision/onnx-ends'],
    ['ids go in', { ...input, shape: ['n', 's'] }, open, {}, 'vision/onnx-ends'],
    ['bytes go in', { ...input, type: 'uint8' }, open, {}, 'vision/onnx-ends'],
    ['nobody tells the width', input, open, {}, 'vision/onnx-size'],
    ['nobody tells the tokens', { ...input, shape: ['n', 3, 100, 100] }, open, { width: 64 }, 'vision/onnx-size'],
    ['the model has another side', input, open, { side: 112, width: 64 }, 'vision/onnx-size'],
  ])('are refused where %s', (_, first, last, options, code) => {
    expect(() => sizesOf(first, last, options)).toThrow(expect.objectContaining({ code }))
  })
})
