/** A seeded stream of random numbers: the same on every machine, so a failure can be run again. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number
  /** Whole number in [0, end). */
  below(end: number): number
  /** Standard normal values, times `scale`. */
  normal(count: number, scale?: number): Float32Array
  /** The values in another order. */
  shuffle<T>(values: readonly T[]): readonly T[]
}

/** xorshift32 (Marsaglia, "Xorshift RNGs", 2003), started from a hash of the seed. */
export function random(seed: number): Random {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  for (let i = 0; i < 8; i++) next()
  const uniform = (): number => next() / 2 ** 32
  const below = (end: number): number => Math.floor(uniform() * end)
  return {
    uniform,
    below,
    shuffle(values) {
      const shuffled = [...values]
      for (let i = shuffled.length - 1; i > 0; i--) {
        const j = below(i + 1)
        ;[shuffled[i], shuffled[j]] = [shuffled[j], shuffled[i]]
      }
      return shuffled
    },
    normal(count, scale = 1) {
      // Box and Muller: two values from two uniform ones. 1 - uniform() is never 0.
      const values = new Float32Array(count)
      for (let i = 0; i < count; i += 2) {
        const radius = scale * Math.sqrt(-2 * Math.log(1 - uniform()))
        const angle = 2 * Math.PI * uniform()
        values[i] = radius * Math.cos(angle)
        if (i + 1 < count) values[i + 1] = radius * Math.sin(angle)
      }
      return values
    },
  }
}
