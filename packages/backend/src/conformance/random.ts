/** A seeded stream of random numbers: the same on every machine, so a failure can be run again. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number
  /** Whole number in [0, end). */
  below(end: number): number
  /** Standard normal values, times `scale`. */
  normal(count: number, scale?: number): Float32Array
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
  return {
    uniform,
    below: (end) => Math.floor(uniform() * end),
    normal(count, scale = 1) {
      // Box and Muller; 1 - uniform() is never 0.
      return Float32Array.from({ length: count }, () => {
        const radius = Math.sqrt(-2 * Math.log(1 - uniform()))
        return scale * radius * Math.cos(2 * Math.PI * uniform())
      })
    },
  }
}
