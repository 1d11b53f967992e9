import { reference, type Backend } from '@g3/backend'
import { cpu } from '@g3/kernels-cpu'
import { describe, expect, it } from 'vitest'
import { examplesOf, goldenStudent, gradientGoldens, worstGradient } from '../testing/gradients.js'

const { cases } = gradientGoldens()
const BACKENDS: readonly (readonly [name: string, make: () => Promise<Backend>, bound: number])[] = [
  ['the reference', async () => reference(), 1e-5],
  ['the CPU, exact', () => cpu({ threads: 2, precision: 'exact' }), 1e-3],
]

describe.each(BACKENDS)('gradients against torch in float64: %s', (_, make, bound) => {
  it.each(cases)('$name', async (golden) => {
    await using backend = await make()
    const taught = await goldenStudent(backend)
    const { loss, divergence } = await taught.learn(examplesOf(golden), golden.leash)
    expect(loss / golden.loss).toBeCloseTo(1, 4)
    expect(divergence).toBeCloseTo(golden.divergence, 3)
    const { error, matrix } = await worstGradient(taught, golden)
    expect(error, matrix).toBeLessThan(bound)
  })
})
