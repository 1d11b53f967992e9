import { trainConformance } from '@g3/backend/test'
import { describe, it } from 'vitest'
import { cpu } from './cpu.js'

// f32 sums in another order than the reference's doubles.
for (const simd of ['auto', 'plain'] as const) {
  describe(simd, () => {
    const open = (threads: number) => () => cpu({ threads, simd, precision: 'exact' })
    trainConformance(
      open(2),
      { describe, it },
      {
        tolerance: 2e-5,
        ...(simd === 'auto' && { makeOther: open(1), types: ['F32', 'F16', 'Q8_0', 'Q4_0', 'Q5_0', 'Q4_K', 'Q6_K'] }),
      },
    )
  })
}
