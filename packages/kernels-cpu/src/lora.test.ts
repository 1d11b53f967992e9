import type { LoraBackend, QuantType } from '@g3/backend'
import { loraConformance, random, tensor, type Tolerances } from '@g3/backend/test'
import { describe, expect, it, vi } from 'vitest'
import { cpu, type CpuOptions } from './cpu.js'
import { freeList } from './free-list.js'

/** f32 sums in another order than the reference's doubles: float weights are multiplied so in all precisions. */
const EXACT: Tolerances = {
  elementwise: 1e-6,
  rope: 0,
  product: 1e-5,
  productOnGrid: 0,
  attend: { f32: 0, f16: 0, q8_0: 0 },
  layers: 0,
}
/** Activations of 14 bits a row for Q8_0 weights. */
const ROUNDED: Tolerances = { ...EXACT, product: 6e-4 }

const variants: Readonly<Record<string, readonly [CpuOptions, Tolerances, types?: readonly QuantType[]]>> = {
  fast: [{ threads: 2 }, ROUNDED, ['F16', 'Q8_0']],
  exact: [{ threads: 3, precision: 'exact' }, EXACT, ['F32']],
  'fast without relaxed SIMD': [{ threads: 1, simd: 'plain' }, ROUNDED, ['Q8_0']],
  'a memory for each matrix': [{ threads: 2, limits: { matrixBytes: 1 } }, EXACT, ['F16']],
}

for (const [name, [options, tolerances, types]] of Object.entries(variants)) {
  describe(name, () => loraConformance(() => cpu(options), { describe, it }, { tolerances, ...(types && { types }) }))
}

describe('memory that is given up', () => {
  it('is joined to its neighbours, cut for less and found again', () => {
    const list = freeList()
    expect(list.take(64)).toBeUndefined()
    list.give(0, 64)
    list.give(192, 64)
    expect(list.take(128)).toBeUndefined()
    list.give(64, 128)
    expect([list.take(192), list.take(64), list.take(64)]).toEqual([0, 192, undefined])
    list.give(64, 64)
    list.give(0, 64)
    expect([list.take(128), list.take(1)]).toEqual([0, undefined])
  })

  it('is enough for the adapters that come after, however many', async () => {
    await using backend: LoraBackend = await cpu({ threads: 1 })
    const [x, out] = [backend.buffer('x', 4, 512), backend.buffer('out', 4, 512)]
    const values = random(1).normal(512 * 512)
    const once = async (): Promise<void> => {
      const weight = await backend.load(tensor('w', 'F32', 512, 512, values))
      const program = backend.record('p', (ops) => ops.addProject({ x, weight, scale: 1, out }))
      backend.run(program, { rows: 4 })
      await backend.release([program], [weight])
    }
    await once()
    const grow = vi.spyOn(WebAssembly.Memory.prototype, 'grow')
    for (let time = 0; time < 30; time++) await once()
    expect(grow).not.toHaveBeenCalled()
    grow.mockRestore()
  })
})
