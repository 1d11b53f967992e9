import { describe, expect, it } from 'vitest'
import { cacheBytes, type CacheConfig, type CacheType } from './cache-bytes.js'

/** The configurations that Google published. */
const CONFIGS = {
  '270M': { layers: 18, window: 512, kvHeads: 1, headDim: 256, pattern: 6 },
  '1B': { layers: 26, window: 512, kvHeads: 1, headDim: 256, pattern: 6 },
  '4B': { layers: 34, window: 1024, kvHeads: 4, headDim: 256, pattern: 6 },
  '12B': { layers: 48, window: 1024, kvHeads: 8, headDim: 256, pattern: 6 },
  '27B': { layers: 62, window: 1024, kvHeads: 16, headDim: 128, pattern: 6 },
} as const satisfies Record<string, CacheConfig>

const MIB = 2 ** 20
const both = (type: CacheType) => ({ local: type, global: type })
const mebibytes = (config: CacheConfig, context: number, type: CacheType): number => {
  const { localBytes, globalBytes } = cacheBytes(config, { context, types: both(type) })
  return Math.round((localBytes + globalBytes) / MIB)
}

describe('bytes of a full text', () => {
  // 32k and 128k positions in f16, then in q8_0; the small models end at 32k.
  it.each([
    ['270M', 104, undefined, 55, undefined],
    ['1B', 139, undefined, 74, undefined],
    ['4B', 756, 2676, 402, 1422],
    ['12B', 2368, 8512, 1258, 4522],
    ['27B', 2976, 10656, 1581, 5661],
  ] as const)('%s', (name, f16At32k, f16At128k, q8At32k, q8At128k) => {
    const config = CONFIGS[name]
    expect(mebibytes(config, 32768, 'f16')).toBe(f16At32k)
    expect(mebibytes(config, 32768, 'q8_0')).toBe(q8At32k)
    if (f16At128k === undefined) return
    expect(mebibytes(config, 131072, 'f16')).toBe(f16At128k)
    expect(mebibytes(config, 131072, 'q8_0')).toBe(q8At128k)
  })

  it('are those of the window in local layers, which a short text does not fill', () => {
    const { localBytes } = cacheBytes(CONFIGS['4B'], { context: 32768, types: both('f16') })
    expect(localBytes).toBe(116 * MIB)
    expect(cacheBytes(CONFIGS['4B'], { context: 512, types: both('f16') }).localBytes).toBe(58 * MIB)
  })

  it('are all global without a window', () => {
    const { layers, pattern, kvHeads, headDim } = CONFIGS['270M']
    const bytes = cacheBytes({ layers, pattern, kvHeads, headDim }, { context: 32768, types: both('f16') })
    expect(bytes).toEqual({ localBytes: 0, globalBytes: 576 * MIB })
  })

  it('go by the type of each kind, and by texts', () => {
    const types = { local: 'f32', global: 'q8_0' } as const
    const one = cacheBytes(CONFIGS['270M'], { context: 4096, types })
    expect(one).toEqual({ localBytes: 15 * 512 * 2048, globalBytes: 3 * 4096 * 544 })
    expect(cacheBytes(CONFIGS['270M'], { context: 4096, types, sequences: 3 }).localBytes).toBe(3 * one.localBytes)
  })

  it.each(['layers', 'pattern', 'window', 'kvHeads', 'headDim'])('are refused for %s that are no size', (name) => {
    for (const size of [0, -1, 1.5, NaN, 2 ** 31]) {
      expect(() => cacheBytes({ ...CONFIGS['4B'], [name]: size }, { context: 1, types: both('f32') })).toThrow(
        expect.objectContaining({ code: 'kv-cache/size', message: expect.stringContaining(name) }),
      )
    }
  })

  it('are refused in q8_0 for heads that are no whole groups', () => {
    expect(() => cacheBytes({ ...CONFIGS['4B'], headDim: 80 }, { context: 1, types: both('q8_0') })).toThrow(
      expect.objectContaining({ code: 'kv-cache/size' }),
    )
  })
})
