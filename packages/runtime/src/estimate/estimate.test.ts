import type { Workload } from '@g3/backend'
import { describe, expect, it } from 'vitest'
import { GEMMA3_12B, GEMMA3_1B, GEMMA3_270M, GEMMA3_27B, GEMMA3_4B, type Gemma3Config } from '../config.js'
import { bytesSource, readGguf, tensorNamed } from '../gguf/index.js'
import { fixtureBytes } from '../testing/fixtures.js'
import { estimate, type Estimate, type EstimateOptions } from './estimate.js'

const MEBIBYTE = 2 ** 20

/** A backend that keeps tensors at 1 byte a weight, caches at 2 a number, and needs a byte of its own for each row. */
const footprint = ({ tensors, buffers, caches, rows }: Workload) => ({
  weightsBytes: tensors.reduce((sum, tensor) => sum + tensor.rows * tensor.cols, 0),
  cacheBytes: caches.reduce(
    (sum, { pages, layers, kvHeads, headDim }) => sum + pages * 128 * layers * kvHeads * headDim * 4,
    0,
  ),
  scratchBytes: buffers.reduce((sum, buffer) => sum + 4 * buffer.rows * buffer.cols, rows),
})

type Options = Partial<Omit<EstimateOptions, 'gguf' | 'config' | 'type' | 'footprint'>>
const planned = (config: Gemma3Config, options: Options = {}): Estimate =>
  estimate({ config, type: 'Q8_0', footprint, ...options })

const coded = (code: string) => expect.objectContaining({ code })

describe('an estimate', () => {
  it.each([
    ['270M', GEMMA3_270M, 104, 55],
    ['1B', GEMMA3_1B, 139, 74],
    ['4B', GEMMA3_4B, 756, 402],
    ['12B', GEMMA3_12B, 2368, 1258],
    ['27B', GEMMA3_27B, 2976, 1581],
  ] as const)('counts keys and values of %s as they are seen, at 32,768 positions', (_, config, f16, q8) => {
    for (const [cacheType, mebibytes] of [
      ['f16', f16],
      ['q8_0', q8],
    ] as const) {
      const { localBytes, globalBytes } = planned(config, { context: 32_768, cacheType }).cache
      expect(Math.round((localBytes + globalBytes) / MEBIBYTE)).toBe(mebibytes)
    }
  })

  it('is the sum of its parts', () => {
    const { weightsBytes, cache, scratchBytes, peakBytes } = planned(GEMMA3_270M, { visionBytes: 1000 })
    expect(peakBytes).toBe(weightsBytes + cache.localBytes + cache.globalBytes + scratchBytes)
    expect(weightsBytes).toBe(planned(GEMMA3_270M).weightsBytes + 1000)
    // 268 million weights at a byte each.
    expect(Math.round(weightsBytes / 1e6)).toBe(268)
  })

  it('holds pages of slack and a step beyond the window', () => {
    const alone = (options: Options) => planned(GEMMA3_270M, { context: 8192, ...options }).scratchBytes
    const perPosition = 15 * 256 * 4
    const rowBytes = 4 * (3 * 640 + 2 * 1024 + 2 * 256 + 2048) + 1
    // 511 + 128 + 512 positions touch 10 pages, 511 + 128 + 128 touch 7.
    expect(alone({}) - alone({ maxRows: 128 })).toBe(3 * 128 * perPosition + 384 * rowBytes)
  })

  it('counts whole texts and images, and a checkpoint beside them', () => {
    const one = planned(GEMMA3_4B, { context: 4096 })
    const two = planned(GEMMA3_4B, { context: 4096, sequences: 2 })
    expect(two.cache).toEqual({ localBytes: 2 * one.cache.localBytes, globalBytes: 2 * one.cache.globalBytes })
    const images = planned(GEMMA3_4B, { context: 4096, images: 3 })
    expect(images.peakBytes - one.peakBytes).toBe(3 * 256 * 2560 * 4)
    // A window and its slack touch 10 pages, and the last global page is copied.
    expect(one.checkpointBytes).toBe(128 * 4 * 256 * 4 * (10 * 29 + 5))
  })

  it('says the largest context within a budget, in pages', () => {
    const peakAt = (context: number) => planned(GEMMA3_270M, { context }).peakBytes
    const most = (budgetBytes: number) => planned(GEMMA3_270M, { budgetBytes }).maxContextForBudget
    for (const context of [128, 384, 512, 1280, 20_480, 32_768]) {
      expect(most(peakAt(context))).toBe(context)
      expect(most(peakAt(context) - 1)).toBe(context - 128)
    }
    expect(most(0)).toBe(0)
    expect(planned(GEMMA3_270M).maxContextForBudget).toBe(32_768)
  })

  it('reads the tensors of a header, as they are loaded', async () => {
    const gguf = await readGguf(bytesSource(fixtureBytes('tiny-random/tiny-text-q8_0.gguf')))
    const { context, weightsBytes } = estimate({ gguf, footprint })
    expect(context).toBe(1024)
    const tensors = [...gguf.tensors.keys()].map((name) => tensorNamed(gguf, name))
    expect(weightsBytes).toBe(tensors.reduce((sum, { rows, cols }) => sum + rows * cols, 0))
  })

  it("counts an image encoder's weights and what it computes in", async () => {
    const mmproj = await readGguf(bytesSource(fixtureBytes('tiny-random/tiny-mmproj-f16.gguf')))
    const blind = planned(GEMMA3_270M)
    const seeing = planned(GEMMA3_270M, { mmproj })
    const stored = [...mmproj.tensors.values()].reduce((sum, { rows, cols }) => sum + rows * cols, 0)
    expect(seeing.weightsBytes - blind.weightsBytes).toBe(stored)
    // Pixels; patches, x, h, q, k and v, the MLP; pooled patches, those normed, soft tokens.
    const numbers = 3 * 112 * 112 + 64 * (588 + 5 * 48 + 80) + 4 * (48 + 48 + 64)
    expect(seeing.scratchBytes - blind.scratchBytes).toBe(4 * numbers)
    const gguf = await readGguf(bytesSource(fixtureBytes('tiny-random/tiny-text-q4_0.gguf')))
    expect(() => estimate({ gguf, mmproj: gguf, footprint })).toThrow(coded('gguf/architecture'))
  })

  it('refuses what no model can have', () => {
    const context = 4096
    for (const images of [-1, 0.5, NaN, 17]) {
      expect(() => planned(GEMMA3_4B, { context, images })).toThrow(coded('estimate/bad-option'))
    }
    for (const bytes of [-1, NaN]) {
      expect(() => planned(GEMMA3_4B, { budgetBytes: bytes })).toThrow(coded('estimate/bad-option'))
      expect(() => planned(GEMMA3_4B, { visionBytes: bytes })).toThrow(coded('estimate/bad-option'))
    }
    expect(() => planned(GEMMA3_270M, { context: 32_769 })).toThrow(coded('generate/bad-context'))
    expect(() => planned(GEMMA3_270M, { sequences: 0 })).toThrow(coded('model/bad-option'))
    expect(() => estimate({ config: GEMMA3_270M, type: 'Q4_K', footprint })).toThrow(coded('estimate/bad-type'))
    expect(() => planned({ ...GEMMA3_270M, headDim: 40 }, { cacheType: 'q8_0' })).toThrow(coded('kv-cache/size'))
  })
})
