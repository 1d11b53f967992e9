import { toHalf, type QuantType } from '@g3/backend'
import { tensor, type Tolerances, visionConformance } from '@g3/backend/test'
import { describe, expect, it } from 'vitest'
import { cpu, type CpuOptions } from './cpu.js'

/** f32 sums in another order than the reference's doubles. */
const EXACT: Tolerances = {
  elementwise: 1e-6,
  rope: 0,
  product: 1e-5,
  productOnGrid: 0,
  attend: { f32: 2e-5, f16: 0, q8_0: 0 },
  layers: 0,
}
/**
 * Activations of 14 bits a row: half a step is 6e-5 of the largest; float weights of 13 and a sign, a scale for 64 columns. Keys, values and
 * weights of attention of 12 to 16 bits, whose errors the sharp scores of the suite take for exponents.
 */
const ROUNDED: Tolerances = { ...EXACT, product: 8e-4, attend: { ...EXACT.attend, f32: 6e-3 } }
/**
 * Activations of 7 bits. The suite's are normal: a step, 1/63 of the largest of 32 or 1/89 of the largest norm of 8, is 0.042 of their
 * deviation, and rounding to steps deviates by that over √12. Weights of a row have a norm of 1, so sums deviate by 0.0121; six of those
 * beside the largest of a row of 48 outputs, biases included, which is 2 and more.
 */
const COARSE: Tolerances = { ...ROUNDED, product: (6 * 0.0121) / 2 }

const variants: Readonly<
  Record<string, readonly [options: CpuOptions, tolerances: Tolerances, types?: readonly QuantType[]]>
> = {
  fast: [{ threads: 2 }, ROUNDED, ['F32', 'F16', 'BF16']],
  'fast, Q8_0': [{ threads: 2 }, COARSE, ['Q8_0']],
  exact: [{ threads: 3, precision: 'exact' }, EXACT, ['F16']],
  'fast without relaxed SIMD': [{ threads: 1, simd: 'plain' }, ROUNDED, ['F16', 'Q8_0']],
  'a memory for each matrix': [{ threads: 2, limits: { matrixBytes: 1 } }, COARSE, ['Q8_0']],
}

for (const [name, [options, tolerances, types]] of Object.entries(variants)) {
  describe(name, () =>
    visionConformance(
      () => cpu(options),
      { describe, it },
      { tolerances, ...(types && { types }), batchInvariant: true },
    ),
  )
}

describe('Q8_0 weights and activations whose sums are the largest', () => {
  const COLS = 64
  /** Signs of a column, which are the same in products that all add up. */
  const patterns: readonly ((col: number) => number)[] = [
    () => 1,
    () => -1,
    (col) => (col & 1 ? 1 : -1),
    (col) => (col & 2 ? 1 : -1),
    (col) => (col & 16 ? 1 : -1),
    (col) => (col % 3 ? 1 : -1),
    (col) => (col & 32 ? 1 : -1),
    (col) => (col % 5 ? -1 : 1),
  ]
  /** The largest levels of either sign that a byte has. */
  const levelOf = (row: number, col: number): number => (patterns[row](col) < 0 ? -128 : 127)

  it.each([1, 1e-30, 1e30])('of %d', async (size) => {
    await using backend = await cpu({ threads: 1 })
    const bytes = new Uint8Array(patterns.length * (COLS / 32) * 34)
    const view = new DataView(bytes.buffer)
    for (let row = 0; row < patterns.length; row++) {
      for (let col = 0; col < COLS; col++) {
        const block = 34 * ((row * COLS) / 32 + (col >> 5))
        view.setUint16(block, toHalf(1 / 128), true)
        view.setInt8(block + 2 + (col & 31), levelOf(row, col))
      }
    }
    const read = async (at: number, into: Uint8Array) => into.set(bytes.subarray(at, at + into.length))
    const weight = await backend.load({ name: 'w', type: 'Q8_0', rows: patterns.length, cols: COLS, read })
    const bias = await backend.load(tensor('b', 'F32', 1, patterns.length, new Float32Array(patterns.length)))
    const [x, out] = [
      backend.buffer('x', patterns.length, COLS),
      backend.buffer('out', patterns.length, patterns.length),
    ]
    const values = Float32Array.from(
      { length: patterns.length * COLS },
      (_, i) => size * patterns[Math.floor(i / COLS)](i % COLS),
    )
    await backend.write(x, values)
    backend.run(
      backend.record('linear', (ops) => ops.linear({ x, weight, bias, out })),
      { rows: patterns.length },
    )
    const found = await backend.read(out, patterns.length)
    for (let row = 0; row < patterns.length; row++) {
      for (let output = 0; output < patterns.length; output++) {
        let want = 0
        for (let col = 0; col < COLS; col++) want += (patterns[row](col) * levelOf(output, col)) / 128
        // Levels of ±31.5 are off by up to half a step, in each column.
        expect(Math.abs(found[row * patterns.length + output] / size - want)).toBeLessThan((COLS * 0.5) / 31)
      }
    }
  })
})
